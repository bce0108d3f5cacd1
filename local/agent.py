"""Agents beside the local cloud, so that builds, analyses and contracts are done without anybody starting one."""

import os
import sys
from collections.abc import Callable, Sequence

from .companion import Companion

BUILDS, PIPELINES = "builds", "pipelines"
"""The queues that are served. Each has an agent of its own: a build takes minutes, and a page waits for an audit."""
SWITCH = "CLAIMCHECK_LOCAL_AGENT"
"""The variable that leaves them out, if it is 0."""

_SECRET = "CLAIMCHECK_AGENT_SECRET"  # noqa: S105  a variable's name
_OPTIONS = ("CLAIMCHECK_MODEL_URL", "CLAIMCHECK_MODEL", "CLAIMCHECK_REPOSITORY_HOSTS")
# A command that does not end by itself gets this long, and then there is time left to give its job back.
_GRACE_SECONDS = 3
_AGENT = (sys.executable, "-P", "-m", "claimcheck_agent.cli")


def are_wanted() -> bool:
    """Whether the environment leaves them on."""
    return os.environ.get(SWITCH, "").strip().lower() not in {"0", "false", "no", "off"}


def agent_id(queue: str) -> str:
    """What the agent of a queue calls itself."""
    return f"local-{queue}"


class LocalAgent(Companion):
    """A claimcheck-agent in a process of its own; stopped, it gives back what it holds.

    Args:
        url: the server's.
        secret: what agents show to it.
        queue: the one that it serves.
        keep: told each line that it prints, in a thread of its own.
        say: told why, if it ends before it is stopped, such as when it lacks what its jobs need; in that thread too.
        command: what to run in its place; it gets the same arguments.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        queue: str,
        *,
        keep: Callable[[str], None],
        say: Callable[[str], None],
        command: Sequence[str] = _AGENT,
    ) -> None:
        name = agent_id(queue)
        arguments = ["run", "--url", url, "--id", name, "--queue", queue, "--grace", str(_GRACE_SECONDS), "--plain"]
        # It gets what any agent has: its own options, and of this process's keys its own alone.
        options = {name: os.environ[name] for name in _OPTIONS if os.environ.get(name)}
        super().__init__(
            [*command, *arguments],
            hear=keep,
            ended=lambda code, last: say(
                f"The agent {name} has ended with {code}, and {queue} wait for another: {last}"
            ),
            options={**options, _SECRET: secret},
        )
