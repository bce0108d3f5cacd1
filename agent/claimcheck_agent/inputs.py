"""What the agent's own handlers of files share: the input comes first, and a cancel is learnt of within a second."""

from dataclasses import dataclass
from typing import Any

from claimcheck_agent.errors import ApiError, ClaimLost, DownloadFailed, Unavailable
from claimcheck_agent.handlers import Tell
from claimcheck_agent.job import Job
from claimcheck_agent.own import OwnHandler
from claimcheck_agent.progress import Meter
from claimcheck_agent.workspace import Workspace

INPUT = "input"
DOWNLOADED = 10  # Percent of the work that is done once the input is here.


@dataclass(frozen=True, kw_only=True)
class InputHandler(OwnHandler):
    """Runs a program that finds the job's input in its directory, as the file `input`."""

    def prepare(self, job: Job, space: Workspace, tell: Tell) -> None:
        """Download the input to where the command looks for it."""
        job.follow()
        meter = Meter("downloading", tell)
        try:
            job.download(space.work / INPUT, meter)
        except ClaimLost:
            raise
        except (ApiError, Unavailable) as error:
            raise DownloadFailed(f"the input could not be downloaded: {error}") from error


def fetching(tell: Tell, **said: str) -> Tell:
    """Have a download told as the first part of the work, in these words."""

    def scaled(told: dict[str, Any]) -> None:
        tell({"percent": told["percent"] * DOWNLOADED // 100, **said})

    return scaled
