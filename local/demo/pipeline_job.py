"""A smart contract from a prompt to a verified address, watched live; it is then called on its chain, and audited."""

from collections import Counter
from typing import Any

import requests
from eth_abi.abi import decode
from eth_utils.crypto import keccak

from local.agent import PIPELINES, LocalAgent
from local.chain import CHAIN_ID, LocalChain

from .dashboard import TIMEOUT, Dashboard, expect, say
from .page import Page

PROMPT = "Create an ERC20 token named 'Demo Coin' with symbol 'DEMO' and 1 million total supply, burnable and pausable."
NETWORK = "avalanche-fuji"
COINS = 1_000_000
SERIOUS = {"critical", "high", "medium"}


def run(dashboard: Dashboard, agent_secret: str, chain: LocalChain) -> None:
    """Have a contract made, deployed, verified and audited.

    Raises:
        Surprise: something was not as it had to be.
    """
    lines: list[str] = []
    with LocalAgent(dashboard.url, agent_secret, PIPELINES, keep=lines.append, say=say):
        say("An agent that makes contracts starts, in a process of its own.")
        page = Page(dashboard.url, *dashboard.account)
        say("The same person logs in once more, by cookies.")
        job_id, result = _make(page, lines)
        _look(chain, result)
        _audit(page, job_id)


def _make(page: Page, lines: list[str]) -> tuple[str, dict[str, Any]]:
    order = {"prompt": PROMPT, "network": NETWORK, "filename": "DemoCoin.sol"}
    job_id = page.call("POST", "/u/proxy/ai/pipeline", json=order)["job"]["id"]
    say(f'They asked for a contract, {job_id}: "{PROMPT}" Its log, as Server-Sent Events:')
    last: tuple[str, Any] = ("", None)
    indexes = []
    for last in page.events(f"/u/proxy/job/{job_id}/logs/stream"):
        name, told = last
        if name == "log":
            indexes.append(told["index"])
            print(f"    | {told['stage'] or '':<8} {told['msg'].strip()}")
        elif name == "progress":
            print(f"    | {told['stage'] or '':<8} {told['progress']} %")
    said = "\n".join(lines[-20:])
    ended = last[0] == "end" and last[1]["status"] == "completed"
    expect(ended, f"the pipeline ended with {last}; its agent said:\n{said}")
    expect(indexes == list(range(len(indexes))), f"lines of the log were lost or came twice: {indexes}")
    result = last[1]["result"]
    expect(result["verified"] is True, f"the contract is not verified: {result}")
    expect(page.call("GET", f"/u/jobs/{job_id}")["job"]["cache"]["verified"] is True, "the list does not know of it")
    sources = page.call("GET", f"/u/proxy/artifacts/sources?jobId={job_id}")["sources"]
    say(f"{result['fqName']}, written by {result['writtenBy']}, is deployed at {result['address']}.")
    expect(result["fqName"].partition(":")[0] in sources, f"its source is not among {sorted(sources)}")
    say("It is verified: what is deployed there is what its source compiles to.")
    return str(job_id), result


def _look(chain: LocalChain, result: dict[str, Any]) -> None:
    expect(result["chainId"] == CHAIN_ID, f"it is on the chain {result['chainId']}")
    calls = {"name": "string", "symbol": "string", "decimals": "uint8", "totalSupply": "uint256"}
    found = {name: _call(chain, result["address"], name, kind) for name, kind in calls.items()}
    wanted = {"name": "Demo Coin", "symbol": "DEMO", "totalSupply": COINS * 10 ** found["decimals"]}
    expect(found.items() >= wanted.items(), f"it says of itself {found}")
    say(f"Called on its chain, it says that it is {found['name']} ({found['symbol']}), of which there are {COINS:,}.")


def _call(chain: LocalChain, address: str, function: str, kind: str) -> Any:  # noqa: ANN401  of that kind
    """What a function without arguments returns: its selector is four bytes of the hash of its name."""
    call = {"to": address, "data": f"0x{keccak(text=f'{function}()')[:4].hex()}"}
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
    told = requests.post(chain.url, json=request, timeout=TIMEOUT).json()
    expect("result" in told, f"{function}() answered {told}")
    return decode([kind], bytes.fromhex(told["result"].removeprefix("0x")))[0]


def _audit(page: Page, job_id: str) -> None:
    say("They ask for an audit (the first one installs slither, from PyPI) ...")
    report = page.outcome("/u/proxy/audit/byJob", {"jobId": job_id})["report"]
    found = Counter(finding["severity"] for finding in report["findings"])
    expect(not SERIOUS & found.keys(), f"the audit came to {report}")
    counted = ", ".join(f"{count} {severity}" for severity, count in found.items()) or "none"
    say(f"Its audit has the score {report['score']} of 100; findings: {counted}.")
