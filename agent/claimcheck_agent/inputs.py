"""What the agent's own handlers share: the job's input comes first, and a cancel is learnt of within a second."""

from dataclasses import dataclass

from claimcheck_agent.errors import ApiError, ClaimLost, DownloadFailed, Unavailable
from claimcheck_agent.handlers import Handler, Tell
from claimcheck_agent.job import Job
from claimcheck_agent.progress import Meter
from claimcheck_agent.workspace import Workspace

INPUT = "input"


@dataclass(frozen=True, kw_only=True)
class InputHandler(Handler):
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
