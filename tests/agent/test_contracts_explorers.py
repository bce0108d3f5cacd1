"""Sources are handed to explorers as their documents say, and what they answer is understood, on bad days too."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from claimcheck_agent.contracts.explorers import Patience, Sources, Submission, submit
from claimcheck_agent.contracts.explorers.sourcify import Sourcify

from tests.agent.explorer_server import Chunks, ExplorerServer, explorer

KEY = "canary-explorer-key"
ADDRESS = "0xDFEBAd708F803af22e81044aD228Ff77C83C935c"
INPUT = {"language": "Solidity", "sources": {"contracts/Box.sol": {"content": "contract Box {}"}}, "settings": {}}
SOURCES = Sources(
    chain_id=43113,
    address=ADDRESS,
    standard_input=INPUT,
    contract="contracts/Box.sol:Box",
    compiler="0.8.37+commit.f401782d",
    arguments=bytes.fromhex("00" * 31 + "2a"),
    tx_hash="0xb6ee9d528b336942dd70d3b41e2811be10a473776352009fd73f85604f5ed206",
)
PATIENCE = Patience(seconds=5.0, pause=0.001, timeout=(2.0, 2.0), retries=2, backoff=0.0)
HASTE = Patience(seconds=0.0, pause=0.001, timeout=(2.0, 2.0), retries=0, backoff=0.0)

UNKNOWN = (404, {"match": None, "creationMatch": None, "runtimeMatch": None, "chainId": "43113", "address": ADDRESS})
TICKET = (202, {"verificationId": "72d12273-0723-448e-a9f6-f7957128efa5"})
PENDING = {"isJobCompleted": False, "verificationId": "72d1", "jobStartTime": "2026-01-02T03:04:05Z"}
VERIFIED = PENDING | {
    "isJobCompleted": True,
    "contract": {"match": "exact_match", "creationMatch": "exact_match", "runtimeMatch": "exact_match"},
}
DIFFERENT = PENDING | {
    "isJobCompleted": True,
    "contract": {"match": None, "creationMatch": None, "runtimeMatch": None},
    "error": {
        "customCode": "no_match",
        "message": "The onchain and recompiled bytecodes don't match.",
        "errorId": "23aa",
        "recompiledRuntimeCode": "0x" + "60" * 24_000,
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[ExplorerServer]:
    with explorer() as running:
        yield running


def hand_over(server: ExplorerServer, kind: str, patience: Patience = PATIENCE, key: str | None = KEY) -> Submission:
    return submit({"kind": kind, "api_url": server.url}, SOURCES, key, patience)


def ok(result: str) -> dict[str, str]:
    return {"status": "1", "message": "OK", "result": result}


def not_ok(result: str) -> dict[str, str]:
    return {"status": "0", "message": "NOTOK", "result": result}


def test_sourcify_is_given_the_input_and_asked_until_it_has_verified(server: ExplorerServer) -> None:
    server.says(UNKNOWN, TICKET, PENDING, PENDING, VERIFIED)
    submission = hand_over(server, "sourcify")
    shown = f"{server.url}/v2/contract/43113/{ADDRESS}"
    assert submission == Submission(explorer="sourcify", status="verified", url=shown)
    looked, sent, *polled = server.asked
    assert (looked.method, looked.path) == ("GET", f"/v2/contract/43113/{ADDRESS}")
    assert (sent.method, sent.path) == ("POST", f"/v2/verify/43113/{ADDRESS}")
    assert sent.fields == {
        "stdJsonInput": INPUT,
        "compilerVersion": "0.8.37+commit.f401782d",
        "contractIdentifier": "contracts/Box.sol:Box",
        "creationTransactionHash": SOURCES.tx_hash,
    }
    assert [one.path for one in polled] == ["/v2/verify/72d12273-0723-448e-a9f6-f7957128efa5"] * 3


def conflict(code: str) -> tuple[int, dict[str, str]]:
    return 409, {"customCode": code, "message": "Contract is already verified.", "errorId": "23aa"}


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ([(200, {"match": "match", "chainId": "43113"})], 1),
        ([UNKNOWN, conflict("already_verified")], 2),
        ([UNKNOWN, TICKET, VERIFIED | {"error": {"customCode": "already_verified", "message": "…"}}], 3),
    ],
)
def test_sourcify_may_know_the_contract_already(server: ExplorerServer, answers: list[Any], requests: int) -> None:
    server.says(*answers)
    assert hand_over(server, "sourcify").status == "already_verified"
    assert len(server.asked) == requests


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([UNKNOWN, TICKET, DIFFERENT], "The onchain and recompiled bytecodes don't match."),
        (
            [
                UNKNOWN,
                (
                    400,
                    {"customCode": "unsupported_chain", "message": "The chain 43113 is not supported", "errorId": "1"},
                ),
            ],
            "The chain 43113 is not supported",
        ),
        ([UNKNOWN, (202, {"unheard": "of"})], "(no reason is given)"),
    ],
)
def test_sourcify_may_refuse(server: ExplorerServer, answers: list[Any], message: str) -> None:
    server.says(*answers)
    assert hand_over(server, "sourcify") == Submission(explorer="sourcify", status="refused", message=message)


@pytest.mark.parametrize("url", ["https://sourcify.dev/server", "https://sourcify.dev/server/v2/"])
def test_sourcify_of_everybody_shows_contracts_in_its_repository(url: str) -> None:
    assert Sourcify(url, HASTE).shown_at(SOURCES) == f"https://repo.sourcify.dev/43113/{ADDRESS}"
    assert Sourcify(url, HASTE).url == "https://sourcify.dev/server"


def test_etherscan_is_given_the_input_and_asked_until_it_has_verified(server: ExplorerServer) -> None:
    server.says(
        ok("ezq878u486pzijkvvmerl6a9mzwhv6sefgvqi5tkwceejc7tvn"), not_ok("Pending in queue"), ok("Pass - Verified")
    )
    assert hand_over(server, "etherscan") == Submission(explorer="etherscan", status="verified")
    sent, first, second = server.asked
    shared = {"chainid": "43113", "module": "contract", "apikey": KEY}
    assert (sent.method, sent.query) == ("POST", shared | {"action": "verifysourcecode"})
    assert json.loads(sent.fields.pop("sourceCode")) == INPUT
    assert sent.fields == {
        "contractaddress": ADDRESS,
        "codeformat": "solidity-standard-json-input",
        "contractname": "contracts/Box.sol:Box",
        "compilerversion": "v0.8.37+commit.f401782d",
        "constructorArguments": "00" * 31 + "2a",
        "constructorArguements": "00" * 31 + "2a",
    }
    guid = {"guid": "ezq878u486pzijkvvmerl6a9mzwhv6sefgvqi5tkwceejc7tvn"}
    assert [one.query for one in (first, second)] == [shared | {"action": "checkverifystatus"} | guid] * 2


@pytest.mark.parametrize(
    "answers",
    [
        [not_ok("Contract source code already verified")],
        [ok("guid"), not_ok("Already Verified")],
    ],
)
def test_etherscan_may_know_the_contract_already(server: ExplorerServer, answers: list[Any]) -> None:
    server.says(*answers)
    assert hand_over(server, "etherscan") == Submission(explorer="etherscan", status="already_verified")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([ok("guid"), not_ok("Fail - Unable to verify")], "Fail - Unable to verify"),
        ([not_ok("Invalid API Key (#err2)|12ce-")], "Invalid API Key (#err2)|12ce-"),
        ([not_ok(f"Invalid key {KEY}")], "Invalid key ***"),
        ([not_ok("Max daily rate limit reached")], "Max daily rate limit reached"),
        ([{"status": "0"}], "(no reason is given)"),
        ([ok("guid"), {"status": "1", "result": {"un": "heard"}}], "(no reason is given)"),
    ],
)
def test_etherscan_may_refuse(server: ExplorerServer, answers: list[Any], message: str) -> None:
    server.says(*answers)
    assert hand_over(server, "etherscan") == Submission(explorer="etherscan", status="refused", message=message)


@pytest.mark.parametrize(
    "busy",
    [
        not_ok("Max calls per sec rate limit reached (5/sec)"),
        not_ok(f"Unable to locate ContractCode at {ADDRESS}"),
        (429, b"slow down"),
        (503, b"<html>"),
    ],
)
def test_etherscan_is_asked_again_while_it_is_busy_or_behind(server: ExplorerServer, busy: Any) -> None:
    server.says(busy, busy, ok("guid"), ok("Pass - Verified"))
    assert hand_over(server, "etherscan").status == "verified"
    assert [one.method for one in server.asked] == ["POST", "POST", "POST", "GET"]


def test_etherscan_wants_a_key(server: ExplorerServer) -> None:
    server.says(ok("guid"))
    submission = hand_over(server, "etherscan", key=None)
    assert (submission.status, server.asked) == ("refused", [])
    assert submission.message
    assert "no secret explorer" in submission.message


@pytest.mark.parametrize(
    ("kind", "answers"),
    [("sourcify", [UNKNOWN, TICKET, PENDING]), ("etherscan", [ok("guid"), not_ok("Pending in queue")])],
)
def test_explorers_are_not_waited_for_for_ever(server: ExplorerServer, kind: str, answers: list[Any]) -> None:
    server.says(*answers)
    assert hand_over(server, kind, Patience(seconds=0.2, pause=0.01)).status == "pending"


@pytest.mark.parametrize("kind", ["sourcify", "etherscan"])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((429, b"slow down"), r"not able to answer \(429\)"),
        ((502, {"message": "bad gateway"}), r"not able to answer \(502\): bad gateway"),
        ((200, b"<html>"), "no JSON object"),
        ((200, b"[]"), "no JSON object"),
        ((200, b"[" * 100_000), "no JSON object"),
        ((200, b'{"result": "' + b"x" * 5_000_000 + b'"}'), "no JSON object"),
        ((200, b""), "no JSON object"),
        ((302, b"", {"Location": "https://example.org/"}), "no JSON object"),
        ((200, b"{}", {"Content-Encoding": "gzip"}), "cannot be reached"),
    ],
)
def test_explorer_that_talks_nonsense_is_of_no_use(
    server: ExplorerServer, kind: str, answer: Any, message: str
) -> None:
    server.says(answer)
    submission = hand_over(server, kind, HASTE)
    assert submission.status == "unreachable"
    assert submission.message
    assert re.search(message, submission.message)
    assert KEY not in str(submission)


@pytest.mark.parametrize("body", [VERIFIED, DIFFERENT])
def test_answers_may_come_in_chunks(server: ExplorerServer, body: dict[str, Any]) -> None:
    whole = json.dumps(body).encode()
    server.says(UNKNOWN, TICKET, (200, whole))
    expected = hand_over(server, "sourcify")
    server.says(UNKNOWN, TICKET, (200, Chunks([whole[:1], whole[1:40], whole[40:]])))
    assert hand_over(server, "sourcify") == expected


def test_answer_in_chunks_that_is_too_long_is_of_no_use(server: ExplorerServer) -> None:
    server.says((200, Chunks([b'{"result": "', *[b"x" * 500_000] * 10, b'"}'])))
    submission = hand_over(server, "sourcify", HASTE)
    assert submission.status == "unreachable"
    assert submission.message
    assert "no JSON object" in submission.message


@pytest.mark.parametrize("kind", ["sourcify", "etherscan"])
def test_explorer_that_is_not_there_is_told_of_without_the_key(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    submission = submit({"kind": kind, "api_url": url}, SOURCES, KEY, HASTE)
    assert submission.status == "unreachable"
    assert submission.message == f"The explorer {kind} cannot be reached (ConnectionError)."


def test_unknown_explorers_are_refused() -> None:
    assert submit({"kind": "oracle", "api_url": "http://127.0.0.1"}, SOURCES, KEY).status == "refused"


@pytest.mark.parametrize("verifier", [{"kind": "sourcify"}, {"kind": "etherscan", "api_url": "file:///etc/passwd"}])
def test_explorers_without_an_address_are_not_asked(verifier: dict[str, str]) -> None:
    submission = submit(verifier, SOURCES, KEY)
    assert submission.status == "unreachable"
    assert submission.message
    assert "no http or https URL" in submission.message
