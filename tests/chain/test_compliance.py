"""Contracts that comply with standards and rules, and contracts that do not."""

from collections.abc import Callable
from typing import Any

import pytest
from claimcheck_agent.contracts.audit import Subject
from claimcheck_agent.contracts.compiler import NotCompiled
from claimcheck_agent.contracts.compliance import RULES as KNOWN_RULES
from claimcheck_agent.contracts.compliance import check
from claimcheck_agent.contracts.recompile import BadInput
from claimcheck_agent.contracts.tools import Toolchain

from tests.chain.corpus import CONTEXT, EXACT, INHERITING, LOOSE, MORTAL, RULES, SILENT, TOKENS
from tests.chain.remembering import Remembering

Look = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def look(tools: Toolchain) -> Look:
    remembering = Remembering(tools.folder)

    def one(contract: str, sources: str | dict[str, str], **policy: Any) -> dict[str, Any]:
        given = {f"contracts/{contract}.sol": sources} if isinstance(sources, str) else sources
        subject = Subject.of({"contract": contract, "sources": given})
        return check(subject, remembering, policy, lambda *_: None)

    return one


def in_one_file(sources: str) -> dict[str, str]:
    return {"contracts/All.sol": sources}


def failed(made: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["details"] for one in made["checks"] if not one["passed"]}


@pytest.mark.parametrize(
    ("contract", "standards"),
    [
        ("MyToken", ["ERC20", "ERC2612", "Ownable", "Pausable", "OpenZeppelin"]),
        ("MyNft", ["ERC721", "erc-165", "openzeppelin"]),
        ("MyItems", ["ERC1155", "ERC165", "AccessControl", "OpenZeppelin"]),
    ],
)
def test_openzeppelins_tokens_comply(look: Look, contract: str, standards: list[str]) -> None:
    made = look(contract, in_one_file(TOKENS), standards=standards)
    assert failed(made) == {}
    assert (made["compliant"], made["score"]) == (True, 100)
    assert len(made["checks"]) > len(standards) + len(KNOWN_RULES)
    assert made["markdown"].startswith(f"# Compliance of {contract}\n\nCompliant: **100** of 100")


def test_other_standards_are_not_complied_with(look: Look) -> None:
    made = look("MyNft", in_one_file(TOKENS), standards=["ERC20", "ERC1155", "Ownable"], rules=[])
    assert set(failed(made)) == {
        *("erc20.functions", "erc20.events", "erc20.code", "erc1155.functions", "erc1155.events", "erc1155.code"),
        *("ownable.functions", "ownable.events", "ownable.code"),
    }
    assert (made["compliant"], made["score"]) == (False, 0)
    assert "transfer(address,uint256) -> bool" in failed(made)["erc20.functions"]
    assert "0xd9b67a26" in failed(made)["erc1155.code"]


@pytest.mark.parametrize(
    ("contract", "rule", "details"),
    [
        ("Child", "no-selfdestruct", "Its bytecode has SELFDESTRUCT."),
        ("Parent", "no-selfdestruct", "Its bytecode has SELFDESTRUCT."),
        ("Origin", "no-tx-origin", "Its bytecode has ORIGIN."),
        ("Delegating", "no-delegatecall", "Its bytecode has DELEGATECALL."),
        ("Store", "events", f"These emit none: {', '.join(f'Store.{name}' for name in SILENT)}."),
        ("Idea", "size", "It is abstract, or an interface, and cannot be deployed."),
    ],
)
def test_broken_rule_is_found(look: Look, contract: str, rule: str, details: str) -> None:
    assert failed(look(contract, in_one_file(RULES))) == {rule: details}
    assert failed(look(contract, in_one_file(RULES), rules=["license"])) == {}


def test_sources_name_licence_and_version(look: Look) -> None:
    assert set(failed(look("Loose", LOOSE))) == {"license", "pragma"}
    assert failed(look("Exact", EXACT)) == {}


def test_library_must_be_unchanged(look: Look) -> None:
    sources = {"contracts/Heir.sol": INHERITING}
    assert failed(look("Heir", sources, standards=["OpenZeppelin"])) == {}
    made = look("Heir", sources | {CONTEXT: MORTAL}, standards=["OpenZeppelin"])
    assert set(failed(made)) == {"openzeppelin.imports", "openzeppelin.inherits", "no-selfdestruct"}
    assert failed(made)["openzeppelin.imports"] == f"Other than in that version: {CONTEXT}."
    made = look("Exact", EXACT, standards=["OpenZeppelin"])
    assert failed(made)["openzeppelin.imports"] == "Nothing of it is imported."


@pytest.mark.parametrize(
    ("policy", "key", "details"),
    [
        ({"standards": ["ERC9999"]}, "standard", "There is no standard of this name here; there are ERC20, "),
        ({"rules": ["no-bugs"]}, "rule", "There is no rule of this name; there are license, "),
        ({"standards": "ERC20"}, "policy", "It must be a list of at most 50 names."),
        ({"rules": [1]}, "policy", "It must be a list of at most 50 names."),
        ({"standards": ["x"] * 51}, "policy", "It must be a list of at most 50 names."),
        ({"strictness": 9}, "policy", "A policy has rules and standards, and nothing of this name."),
    ],
)
def test_what_a_policy_asks_in_vain_fails(look: Look, policy: dict[str, Any], key: str, details: str) -> None:
    made = look("Exact", EXACT, **policy)
    assert list(failed(made)) == [key]
    assert failed(made)[key].startswith(details)
    assert not made["compliant"]


def test_sources_that_cannot_be_compiled_are_refused(look: Look) -> None:
    with pytest.raises(NotCompiled, match="Expected ';'"):
        look("Broken", "contract Broken { uint256 x }")
    with pytest.raises(BadInput, match="no contract 'Other'"):
        look("Other", in_one_file(EXACT))
