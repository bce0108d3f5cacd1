"""Run the demo; the exit code is 0 if everything was as expected."""

import os
import subprocess
import sys

import requests
from websockets.exceptions import WebSocketException

from local.cloud import LocalCloud

from . import agent_job, build_job, evaluation_job, file_job
from .dashboard import Dashboard, Surprise, say


def main() -> int:
    """One job of every kind."""
    os.environ.setdefault("CLAIMCHECK_LOG_LEVEL", "ERROR")
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
    try:
        with LocalCloud() as cloud:
            say(f"The local cloud is up at {cloud.url}: the same code that runs on AWS, in one process.")
            _run(cloud)
    except (Surprise, subprocess.SubprocessError, OSError, requests.RequestException, WebSocketException) as error:
        say(f"FAILED: {error}")
        return 1
    say("Everything was as expected.")
    return 0


def _run(cloud: LocalCloud) -> None:
    def key(name: str) -> str:
        return os.environ.get(name) or cloud.made_up_keys[name]

    dashboard = Dashboard(cloud.url, key("CLAIMCHECK_ADMIN_API_KEY"))
    dashboard.log_in()
    say("Somebody registered and logged in.")
    agent_job.run(dashboard, key("CLAIMCHECK_AGENT_SECRET"))
    file_job.run(dashboard)
    evaluation_job.run(dashboard)
    build_job.run(dashboard, key("CLAIMCHECK_AGENT_SECRET"))


if __name__ == "__main__":
    sys.exit(main())
