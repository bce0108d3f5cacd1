"""A chain of one's own, in this machine's memory, on which contracts are tried.

https://getfoundry.sh/anvil/overview
"""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from claimcheck_agent.contracts.abi import Abi, encode_call, find_function
from claimcheck_agent.contracts.chain import Chain, ChainFailed, Receipt, read_key
from claimcheck_agent.contracts.revert import explain
from claimcheck_agent.contracts.rpc import Node, Refused
from claimcheck_agent.contracts.tools import Toolchain, ToolFailed
from claimcheck_agent.leftovers import remove_tree

CHAIN_ID = 31337
START_SECONDS = 20.0
STOP_SECONDS = 5.0
POLL = 0.02  # Seconds; every transaction has a block of its own, at once.
PLENTY = 10**24  # Wei, for those who act without a key.
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
# The first two of the accounts that all such chains have, with keys that everybody knows: they are worth nothing.
DEPLOYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
STRANGER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"


class Anvil:
    """The chain; to be used in a `with` block, at whose end it is gone."""

    def __init__(self, tools: Toolchain, *, chain_id: int = CHAIN_ID) -> None:
        self._program = tools.anvil
        self._chain_id = chain_id
        self.url = ""
        self.deployer = read_key(DEPLOYER_KEY)
        self.stranger = read_key(STRANGER_KEY)
        self._actors: set[str] = set()

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="anvil-"))
        self._process = subprocess.Popen(  # noqa: S603  (one of our own tools)
            (str(self._program), "--host=127.0.0.1", "--port=0", f"--chain-id={self._chain_id}", "--threads=1"),
            cwd=self._home,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, name="claimcheck-anvil", daemon=True)
        self._reader.start()
        if not self._listening.wait(START_SECONDS) or not self.url:
            self.__exit__()
            raise ToolFailed("anvil does not start")
        self.node = Node(self.url)
        self.chain = Chain(self.node, self._chain_id, poll=POLL)
        return self

    def __exit__(self, *_: object) -> None:
        if self.url:
            self.node.__exit__()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(STOP_SECONDS)
        remove_tree(self._home)

    def set_code(self, address: str, code: bytes) -> None:
        """Put code at an address, as if a contract had been deployed there."""
        self.node.ask("anvil_setCode", [address, f"0x{code.hex()}"])

    def deploy_as(self, sender: str, creation: bytes, abi: Abi) -> str:
        """Deploy a contract as anybody, without a key; gives its address.

        Raises:
            Refused: the constructor reverts, or the contract is too large; the message says it.
        """
        return str(self._act(sender, {"data": f"0x{creation.hex()}"}, abi).contract)

    def act_as(self, sender: str, address: str, abi: Abi, function: str, *values: Any) -> None:  # noqa: ANN401
        """Call a function by a transaction of anybody, without a key.

        Raises:
            Refused: it reverts, or there is no such function; the message says it.
        """
        item = find_function(abi, function)
        if item is None:
            raise Refused(f"there is no function {function}")
        self._act(sender, {"to": address, "data": f"0x{encode_call(item, values).hex()}"}, abi)

    def _act(self, sender: str, request: Mapping[str, str], abi: Abi) -> Receipt:
        if sender not in self._actors:
            self.node.ask("anvil_setBalance", [sender, hex(PLENTY)])
            self.node.ask("anvil_impersonateAccount", [sender])
            self._actors.add(sender)
        try:
            # A transaction that fails does not say why; a call does.
            self.node.ask("eth_call", [{**request, "from": sender}, "latest"])
            tx_hash = self.node.ask("eth_sendTransaction", [{**request, "from": sender}])
        except Refused as error:
            raise Refused(explain(error, abi), error.data) from None
        try:
            return self.chain.wait(tx_hash)
        except ChainFailed as error:
            raise Refused(str(error)) from None

    def _read(self) -> None:
        """Read what the program says: all of it, lest it waits for a reader, and keep where it listens."""
        assert self._process.stdout is not None  # noqa: S101  (it is a pipe)
        with self._process.stdout as lines:
            for line in lines:
                if found := _LISTENING.search(line):
                    self.url = f"http://127.0.0.1:{found[1]}"
                    self._listening.set()
        self._listening.set()
