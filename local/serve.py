"""``python -m local.serve``: the local cloud in the foreground, for a person at a terminal.

``HOST`` (127.0.0.1) and ``PORT`` (8000; 0 takes a free one) say where. The app's JSON log goes to a file whose path
is printed, or to the one that ``CLAIMCHECK_LOG_FILE`` names (``-`` for standard error). Agents for builds and contracts
run beside it, with a chain to deploy to, and their lines are in that log too, unless ``CLAIMCHECK_LOCAL_AGENT`` is 0.
"""

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TextIO

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from pynamodb.exceptions import PynamoDBException

from . import agent, chain
from .chain import LocalChain
from .cloud import LocalCloud
from .proxy import Access
from .server import CannotListenError

LOG_FILE = "CLAIMCHECK_LOG_FILE"

_AGENT_IDS = frozenset({agent.agent_id(agent.BUILDS), agent.agent_id(agent.PIPELINES)})


class Terminal:
    """What the person sees. A terminal that has gone away stops nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str = "") -> None:
        """One line, at once."""
        with contextlib.suppress(OSError, ValueError):
            print(text, file=self._stream, flush=True)

    def part(self, text: str) -> None:
        """One thing that has come up."""
        self.line(f"  {text}")

    def access(self, access: Access) -> None:
        """One request and its answer; never its query, which may hold a token.

        That our own agents ask for jobs every few seconds is not worth a line.
        """
        if access.agent in _AGENT_IDS and access.path.endswith("/claim"):
            return
        self.line(f"{access.method:<6} {access.path} {access.status} {access.milliseconds:.1f} ms")


class _Warnings(logging.Handler):
    """Shows the local cloud's own warnings as one line; their tracebacks are in the log."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(logging.WARNING)
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        self._terminal.line(f"{record.levelname} {record.getMessage()}")


class _Stop:
    """Waits for Ctrl-C or SIGTERM; the second one does not wait for a clean end."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def wait(self) -> None:
        self._asked.wait()

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set():
            os._exit(0)
        self._asked.set()


def main() -> int:
    """Serve until told to stop; gives the exit code: 0 after a clean end, 1 where it could not start."""
    terminal = Terminal(sys.stdout)
    stop = _Stop()
    try:
        host, port = os.environ.get("HOST") or "127.0.0.1", _port(os.environ.get("PORT") or "8000")
        log, where = _open_log(os.environ.get(LOG_FILE))
        _redirect_logs(log, terminal)
        terminal.line("Claimcheck's local cloud is starting.")
        terminal.part(f"Log: {where}")
        deployed_to = _chain(terminal, log)
        settings = deployed_to.settings if deployed_to else {}
        cloud = LocalCloud(host, port, settings, say=terminal.part, on_access=terminal.access).start()
    except _START_ERRORS as error:
        terminal.line(_explain(error))
        return 1
    with _beside(terminal, cloud, deployed_to, log):
        _welcome(terminal, cloud)
        stop.wait()
        terminal.line("\nStopping.")
    cloud.stop()
    return 0


_START_ERRORS = (CannotListenError, BotoCoreError, ClientError, PynamoDBException, OSError, ValueError)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:  # noqa: PLR2004  the largest port there is
        message = f"PORT must be a number from 0 to 65535, and is {text!r}."
        raise ValueError(message)
    return int(text)


def _open_log(given: str | None) -> tuple[TextIO, str]:
    if given == "-":
        return sys.stderr, "standard error"
    if given:
        return Path(given).open("a", encoding="utf-8", buffering=1), given
    handle, path = tempfile.mkstemp(prefix="claimcheck-", suffix=".log")
    return os.fdopen(handle, "w", encoding="utf-8", buffering=1), path


def _redirect_logs(log: TextIO, terminal: Terminal) -> None:
    # On Lambda, standard output is the log: the app's logger and metrics write there, and so it is the log here.
    sys.stdout = log
    logging.basicConfig(stream=log, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("local").addHandler(_Warnings(terminal))


def _explain(error: Exception) -> str:
    if isinstance(error, ValidationError):
        # Its own text quotes the values, which are keys.
        return "\n".join(_setting(problem["loc"], problem["msg"]) for problem in error.errors(include_input=False))
    return str(error)


def _setting(location: tuple[int | str, ...], message: str) -> str:
    name = "".join(f"CLAIMCHECK_{part}: ".upper() for part in location[:1])
    return name + message.removeprefix("Value error, ")


def _chain(terminal: Terminal, log: TextIO) -> LocalChain | None:
    """The chain that contracts are deployed to, which is yet to be started; None where none of ours can be had."""
    if not agent.are_wanted() or chain.is_replaced() or chain.why_none():
        return None
    return LocalChain(keep=Terminal(log).line, say=terminal.line)


def _beside(terminal: Terminal, cloud: LocalCloud, deployed_to: LocalChain | None, log: TextIO) -> ExitStack:
    """What runs beside the server, started; it ends in the reverse order."""
    running = ExitStack()
    if not agent.are_wanted():
        return running
    queues = [agent.BUILDS]
    if why := chain.why_none():
        terminal.part(f"No agent {agent.agent_id(agent.PIPELINES)}: {why}")
    else:
        queues.append(agent.PIPELINES)
    if deployed_to:
        terminal.part(f"Chain {chain.CHAIN_ID} at {deployed_to.url}, to which every testnet leads")
        running.enter_context(deployed_to)
    secret = os.environ["CLAIMCHECK_AGENT_SECRET"]
    for queue in queues:
        terminal.part(f"Agent {agent.agent_id(queue)}, which does the jobs of the queue {queue}")
        running.enter_context(agent.LocalAgent(cloud.url, secret, queue, keep=Terminal(log).line, say=terminal.line))
    return running


def _welcome(terminal: Terminal, cloud: LocalCloud) -> None:
    if cloud.made_up_keys:
        terminal.line("\nMade up for this run; set them in the environment to choose your own:")
        for name, value in cloud.made_up_keys.items():
            terminal.part(f"export {name}={value}")
    terminal.line(f"\nReady at {cloud.url} (Ctrl-C ends it)\n\nTry, in another terminal:")
    for line in _suggestions(cloud.url, os.environ["CLAIMCHECK_AGENT_SECRET"]):
        terminal.part(line)
    terminal.line("\nRequests:")


def _suggestions(url: str, agent_secret: str) -> list[str]:
    agent = Path(sys.executable).with_name("claimcheck-agent")
    json = "-H 'Content-Type: application/json'"
    return [
        f"curl {url}/api/health",
        f'curl {url}/api/v1/auth/register {json} -d \'{{"email":"me@example.org","password":"a long pass phrase"}}\'',
        f"curl -X POST {url}/api/jobs/claim -H 'X-Colab-Id: laptop' -H 'X-Colab-Secret: {agent_secret}'",
        f"CLAIMCHECK_AGENT_SECRET={agent_secret} {agent} run --url {url} --id laptop --on build='cat job.json'",
    ]


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # A request that is still being handled holds a thread, which a normal end would wait for.
    os._exit(code)
