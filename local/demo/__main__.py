"""Run the demo; the exit code is 0 if everything was as expected."""

import os
import subprocess
import sys
from collections import deque
from contextlib import ExitStack

import requests
from websockets.exceptions import WebSocketException

from local.chain import LocalChain, why_none
from local.cloud import LocalCloud

from . import agent_job, build_job, evaluation_job, file_job, pipeline_job
from .dashboard import PATIENCE_SECONDS, Dashboard, Surprise, expect, say


def main() -> int:
    """One job of every kind."""
    os.environ.setdefault("CLAIMCHECK_LOG_LEVEL", "ERROR")
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
    try:
        with ExitStack() as running:
            # Its first start installs what it needs, while the other jobs run.
            said: deque[str] = deque(maxlen=20)
            chain = None if why_none() else running.enter_context(LocalChain(keep=said.append, say=say))
            cloud = running.enter_context(LocalCloud(settings=chain.settings if chain else {}))
            say(f"The local cloud is up at {cloud.url}: the same code that runs on AWS, in one process.")
            _run(cloud, chain, said)
    except (Surprise, subprocess.SubprocessError, OSError, requests.RequestException, WebSocketException) as error:
        say(f"FAILED: {error}")
        return 1
    say("Everything was as expected.")
    return 0


def _run(cloud: LocalCloud, chain: LocalChain | None, chain_said: deque[str]) -> None:
    def key(name: str) -> str:
        return os.environ.get(name) or cloud.made_up_keys[name]

    dashboard = Dashboard(cloud.url, key("CLAIMCHECK_ADMIN_API_KEY"))
    dashboard.log_in()
    say("Somebody registered and logged in.")
    agent_job.run(dashboard, key("CLAIMCHECK_AGENT_SECRET"))
    file_job.run(dashboard)
    evaluation_job.run(dashboard)
    build_job.run(dashboard, key("CLAIMCHECK_AGENT_SECRET"))
    if chain:
        expect(chain.await_ready(PATIENCE_SECONDS), "there is no chain; it said:\n" + "\n".join(chain_said))
        pipeline_job.run(dashboard, key("CLAIMCHECK_AGENT_SECRET"), chain)
    else:
        say(f"LEFT OUT: a smart contract from a prompt; {why_none()}.")


if __name__ == "__main__":
    sys.exit(main())
