import errno
import json
import os
import socket
import sys
from queue import SimpleQueue
from urllib.parse import urlsplit

import pytest
import requests

from chalicelib.settings import TESTNETS, Network
from local import chain
from local.chain import LocalChain

PATIENCE = 10
INSTALL_SECONDS = 300
# What stands in for anvil: it installs something, gives up the port that it was given, and takes it.
BEGIN = """
import os, signal, socket, sys
handle, port, chain_id = map(int, sys.argv[1:4])
say = lambda *words: print(*words, flush=True)
"""
GOOD = f"""{BEGIN}
say("local chain: installing the tools")
own = socket.socket(fileno=os.dup(handle)).getsockname()
os.close(handle)
say("of chain", chain_id, own == ("127.0.0.1", port), *(name for name in os.environ if name.startswith("CLAIMCHECK_")))
say("Listening on", port)
signal.pause()
"""
BAD = f"""{BEGIN}
say("npm error: nobody is there")
sys.exit("the tools could not be installed")
"""


class Heard:
    """What a chain says, and what it prints."""

    def __init__(self, command: str) -> None:
        self.said: SimpleQueue[str] = SimpleQueue()
        self.kept: SimpleQueue[str] = SimpleQueue()
        self.chain = LocalChain(keep=self.kept.put, say=self.said.put, command=[sys.executable, "-c", command])


def all_of(queue: SimpleQueue[str]) -> list[str]:
    return [queue.get() for _ in range(queue.qsize())]


def test_chain_tells_what_it_does_until_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMCHECK_ADMIN_API_KEY", "private")
    heard = Heard(GOOD)
    with heard.chain as running:
        assert running.await_ready(PATIENCE)
    assert all_of(heard.said) == ["Contracts: installing the tools", f"Contracts: the chain at {running.url} is ready"]
    assert "of chain 31337 True" in all_of(heard.kept), "it has the port, and no key of ours"


def test_chain_that_cannot_start_says_why() -> None:
    heard = Heard(BAD)
    with heard.chain as running:
        assert not running.await_ready(PATIENCE)
    why = "The local chain has ended with 1, and nothing can be deployed: the tools could not be installed"
    assert all_of(heard.said) == [why]
    assert "npm error: nobody is there" in all_of(heard.kept)


def test_port_is_nobody_elses_before_the_chain_takes_it() -> None:
    waiting = Heard(GOOD).chain
    address = ("127.0.0.1", urlsplit(waiting.url).port)
    with socket.socket() as other:
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            other.bind(address)
        waiting.stop()
        other.bind(address)


def test_every_testnet_leads_to_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Heard(GOOD).chain
    waiting.stop()
    monkeypatch.delenv(chain.NETWORKS, raising=False)
    assert not chain.is_replaced()
    for name, value in waiting.settings.items():
        monkeypatch.setenv(name, value)
    assert chain.is_replaced()
    networks = {name: Network(**told) for name, told in json.loads(os.environ["CLAIMCHECK_NETWORKS"]).items()}
    assert networks == dict.fromkeys(TESTNETS, Network(chain_id=31337, rpc_url=waiting.url, local=True))


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chain.why_none() == "contracts cannot be made here: not installed: node, npm"


@pytest.mark.skipif(bool(chain.why_none()), reason=chain.why_none())
def test_chain_is_a_real_one_and_is_gone_at_the_end() -> None:
    def ask(method: str) -> str:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": []}
        return str(requests.post(running.url, json=call, timeout=PATIENCE).json()["result"])

    said: SimpleQueue[str] = SimpleQueue()
    with LocalChain(keep=lambda _: None, say=said.put) as running:
        assert running.await_ready(INSTALL_SECONDS), all_of(said)
        assert int(ask("eth_chainId"), 16) == chain.CHAIN_ID
        assert ask("web3_clientVersion").startswith("anvil/")
    with pytest.raises(requests.ConnectionError):
        ask("eth_chainId")
