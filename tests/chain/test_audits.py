"""Contracts with known flaws, each of which is found, and contracts with none."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from claimcheck_agent.builds.model import Budget, Model
from claimcheck_agent.contracts.audit import Subject, audit
from claimcheck_agent.contracts.recompile import BadInput
from claimcheck_agent.contracts.slither import Slither
from claimcheck_agent.contracts.tools import Toolchain, default_folder

from local.openai_server import OpenAIServer, serving, streamed
from tests.chain.corpus import CONTEXT, HEAD, INHERITING, MORTAL, TOKENS, VULNERABLE
from tests.chain.remembering import Remembering

PATH = "contracts/Vulnerable.sol"


@pytest.fixture(scope="module")
def remembering(tools: Toolchain) -> Toolchain:
    return Remembering(tools.folder)


@pytest.fixture(scope="module")
def slither() -> Slither:
    return Slither.installed(default_folder(), print)


@pytest.fixture(scope="module")
def model_server() -> Iterator[OpenAIServer]:
    with serving() as running:
        yield running


def look(
    remembering: Toolchain, slither: Slither, contract: str, sources: dict[str, str], model: Model | None = None
) -> Any:
    steps: list[tuple[int, str]] = []
    subject = Subject.of({"contract": contract, "sources": sources})
    made = audit(subject, remembering, slither, model, lambda *step: steps.append(step))
    assert steps == sorted(steps)
    assert json.loads(json.dumps(made)) == made
    return made


@pytest.fixture(scope="module")
def vulnerable(remembering: Toolchain, slither: Slither) -> Any:
    return look(remembering, slither, "Reentrant", {PATH: VULNERABLE})


@pytest.mark.parametrize(
    ("severity", "title", "code"),
    [
        ("high", "Reentrancy vulnerabilities (theft of ethers)", "function withdraw()"),
        (
            "medium",
            "Dangerous usage of `tx.origin`",
            "function pay(address payable to) external {\n        require(tx.origin",
        ),
        ("medium", "Unchecked low-level calls", "function ping("),
        ("medium", "Unchecked send", "function give("),
        (
            "high",
            "Functions that send Ether to arbitrary destinations",
            "function pay(address payable to) external {\n        to.",
        ),
        ("critical", "Functions allowing anyone to destruct the contract", "function close("),
        ("high", "Weak PRNG", "function draw()"),
        ("high", "Controlled delegatecall destination", "function run("),
        ("medium", "Contracts that lock ether", "contract Sink"),
        ("critical", "transferFrom uses arbitrary `from`", "function pull("),
        ("high", "Unchecked tokens transfer", "function take("),
        ("low", "Missing Zero Address Validation", "function setOwner("),
    ],
)
def test_flaw_is_found_at_its_place(vulnerable: Any, severity: str, title: str, code: str) -> None:
    line = VULNERABLE[: VULNERABLE.index(code)].count("\n") + 1
    found = [
        one
        for one in vulnerable["findings"]
        if (one["severity"], one["title"], one["place"]) == (severity, title, {"file": PATH, "line": line})
    ]
    assert len(found) == 1, vulnerable["findings"]
    assert found[0]["description"]
    assert found[0]["recommendation"]
    assert found[0]["source"] == "slither"


def test_flaws_cost_the_score(vulnerable: Any) -> None:
    assert vulnerable["score"] == 0
    assert "Score: **0** of 100" in vulnerable["markdown"]


def test_openzeppelins_own_tokens_have_no_flaws(remembering: Toolchain, slither: Slither) -> None:
    made = look(remembering, slither, "MyToken", {"contracts/Tokens.sol": TOKENS})
    assert made["score"] == 100
    assert not [one for one in made["findings"] if one["severity"] not in {"low", "info"}]
    assert not [one for one in made["findings"] if "@openzeppelin" in str(one["place"])]


def test_library_that_was_changed_is_looked_at(remembering: Toolchain, slither: Slither) -> None:
    own = (remembering.modules / CONTEXT).read_text(encoding="utf-8")
    heir = {"contracts/Heir.sol": INHERITING}
    assert look(remembering, slither, "Heir", heir | {CONTEXT: own})["score"] == 100
    made = look(remembering, slither, "Heir", heir | {CONTEXT: MORTAL})
    assert made["score"] == 50
    assert made["findings"][0]["place"]["file"] == CONTEXT


def test_model_is_asked_for_what_slither_cannot_see(
    remembering: Toolchain, slither: Slither, model_server: OpenAIServer
) -> None:
    claim = {"severity": "high", "title": "The price is wrong", "description": "…", "recommendation": "…", "line": 1}
    model = Model(url=model_server.url, name="gpt-test", budget=Budget(retries=0))
    model_server.instead.extend([streamed(json.dumps([claim])), streamed("no"), streamed("no")])
    made = look(remembering, slither, "Heir", {"contracts/Heir.sol": INHERITING}, model)
    assert (made["score"], made["notes"]) == (100, [])
    assert [(one["source"], one["title"]) for one in made["findings"]] == [("model", "The price is wrong")]
    # OpenZeppelin's sources are not for it to read.
    assert "abstract contract Context" not in str(model_server.asked[0].body)
    made = look(remembering, slither, "Heir", {"contracts/Heir.sol": INHERITING}, model)
    assert made["findings"] == []
    assert re.search("No model has reviewed this: .*did not answer with a list", made["notes"][0])


@pytest.mark.parametrize("path", ["../../Escape.sol", "/tmp/Escape.sol", "contracts/Plain.sol/Escape.sol"])  # noqa: S108
def test_sources_stay_in_their_folder(remembering: Toolchain, slither: Slither, path: str) -> None:
    sources = {"contracts/Plain.sol": HEAD + "contract Plain {}", path: HEAD + "contract Escape {}"}
    with pytest.raises(BadInput, match="a path that cannot be audited"):
        look(remembering, slither, "Escape", sources)
