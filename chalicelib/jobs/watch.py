"""What a stage does beside its work on a job: tells how far it is, keeps the lease, and hears of a cancel."""

import time

from chalicelib.errors import StorageFailed
from chalicelib.jobs import holding
from chalicelib.jobs.holding import Holder
from chalicelib.jobs.model import Job, State
from chalicelib.telemetry import logger

LOOK_SECONDS = 1.0
REPORT_SECONDS = 3.0
RENEWALS_PER_LEASE = 3


class Cancelled(Exception):
    """The job's owner has asked for it to be cancelled."""


class OutOfTime(Exception):
    """The function's time is nearly up."""


class Watch:
    """Asked often how things stand while the work goes on; what it raises ends the work.

    Once a second it costs one read of the job, or instead, now and then, the write that reports or renews.
    """

    def __init__(self, holder: Holder, job_id: str, *, until: float) -> None:
        self._holder = holder
        self._job_id = job_id
        self._until = until
        self._looks = self._reports = time.monotonic() + LOOK_SECONDS
        self._renews = time.monotonic() + holder.agent.lease_seconds / RENEWALS_PER_LEASE
        self._told: tuple[str, int] | None = None

    def __call__(self, phase: str, done: float, total: float) -> None:
        """So much of so much is done of a phase.

        Raises:
            Cancelled, OutOfTime: the work is not wanted any more, or cannot be finished here.
            ClaimLost, JobAlreadyClaimed: the job is not this stage's any more.
        """
        now = time.monotonic()
        if now >= self._until:
            raise OutOfTime
        if now < self._looks:
            return
        self._looks = now + LOOK_SECONDS
        try:
            job = self._speak((phase, int(100 * min(done, total) / total) if total else 0), now)
        except StorageFailed:
            # The work is worth more than a look; if it lasts, the lease ends and the last word is refused.
            logger.warning("stage.unheard", job_id=self._job_id)
            return
        if job.cancel_requested:
            raise Cancelled

    def _speak(self, progress: tuple[str, int], now: float) -> Job:
        if now >= self._renews:
            job = holding.renew(self._holder, self._job_id)
            # Not before it has succeeded: after an outage the next look tries again.
            self._renews = now + self._holder.agent.lease_seconds / RENEWALS_PER_LEASE
            return job
        if progress != self._told and now >= self._reports:
            phase, percent = progress
            job = holding.report(self._holder, self._job_id, State.RUNNING, {"phase": phase, "percent": percent})
            self._told, self._reports = progress, now + REPORT_SECONDS
            return job
        return holding.read_held(self._holder, self._job_id)
