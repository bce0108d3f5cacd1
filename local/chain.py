"""A chain of the local cloud's own, in memory, so that contracts are deployed without a key of worth or a coin.

It is anvil (https://getfoundry.sh/anvil/overview), from the tools that agents make contracts with.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Self

from claimcheck_agent.contracts.tools import missing_programs

from chalicelib.settings import TESTNETS, Network

from . import anvil
from .companion import Companion

CHAIN_ID = 31337
NETWORKS = "CLAIMCHECK_NETWORKS"
"""The variable that says where each network is; who has set it wants no chain of ours."""

_ANVIL = (sys.executable, "-P", anvil.__file__)


def is_replaced() -> bool:
    """Whether the environment has networks of its own."""
    return bool(os.environ.get(NETWORKS))


def why_none() -> str:
    """Why no contract can be made on this machine; empty if they can."""
    missing = missing_programs()
    return f"contracts cannot be made here: not installed: {', '.join(missing)}" if missing else ""


class LocalChain(Companion):
    """The chain, in a process of its own; its ``url`` is known before it is started, and nobody else has its port.

    Its first start installs the tools, and tells so.

    Args:
        keep: told each line that it prints, in a thread of its own.
        say: told what a person should know: that tools are installed, that it is ready, why it has ended; there too.
        command: what to run in its place; it gets the same arguments.
    """

    def __init__(
        self, *, keep: Callable[[str], None], say: Callable[[str], None], command: Sequence[str] = _ANVIL
    ) -> None:
        self._keep = keep
        self._say = say
        self._port = socket.socket()
        self._port.bind(("127.0.0.1", 0))
        self._settled = threading.Event()
        self._ready = False
        port = self._port.getsockname()[1]
        handle = self._port.fileno()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            [*command, str(handle), str(port), str(CHAIN_ID)],
            hear=self._hear,
            ended=self._ended,
            options={},
            inherited=(handle,),
        )

    @property
    def settings(self) -> dict[str, str]:
        """Settings by which every testnet leads to it."""
        network = Network(chain_id=CHAIN_ID, rpc_url=self.url, local=True).model_dump(exclude_defaults=True)
        return {NETWORKS: json.dumps(dict.fromkeys(TESTNETS, network))}

    def start(self) -> Self:
        """Start it, which takes as long as the tools' installation; see ``await_ready``."""
        super().start()
        self._port.close()
        return self

    def await_ready(self, seconds: float) -> bool:
        """Wait until it can be called; False where it has ended instead, or the time is up."""
        self._settled.wait(seconds)
        return self._ready

    def stop(self) -> None:
        """End it; what was deployed is gone."""
        self._port.close()
        super().stop()

    def _hear(self, line: str) -> None:
        self._keep(line)
        if line.startswith(anvil.MARK):
            self._say(f"Contracts: {line.removeprefix(anvil.MARK)}")
        elif line.startswith("Listening on ") and not self._ready:
            self._ready = True
            self._say(f"Contracts: the chain at {self.url} is ready")
            self._settled.set()

    def _ended(self, code: int, last: str) -> None:
        self._ready = False
        self._say(f"The local chain has ended with {code}, and nothing can be deployed: {last}")
        self._settled.set()
