"""The client for agents: claims jobs and hands them out, in a notebook as in the command."""

import logging
import random
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from claimcheck_agent.api import Api
from claimcheck_agent.claim import Claim
from claimcheck_agent.errors import Unavailable
from claimcheck_agent.halt import Reason
from claimcheck_agent.job import Job
from claimcheck_agent.masking import Masker
from claimcheck_agent.transport import Answer, Transport

log = logging.getLogger(__name__)

POLL_WITHOUT_HINT = 5.0  # Seconds.
LONGEST_POLL = 300.0
LONGEST_OUTAGE_PAUSE = 60.0


class Agent:
    """An agent of a Claimcheck server, for one job at a time.

    `for job in Agent(url, agent_id, secret).jobs(): with job: …` is all that a worker needs. Close it, or
    use it as a context manager, to close its connections.
    """

    def __init__(
        self,
        url: str,
        agent_id: str,
        secret: str,
        *,
        queues: Sequence[str] = ("default",),
        transport: Transport | None = None,
        log_interval: float = 1.0,
        echo: Callable[[str, str], None] | None = None,
    ) -> None:
        """Take the server's base URL and the agent's credentials.

        The log is sent at most every `log_interval` seconds; `echo` is called with the level and the masked
        text of each line. A `transport` sets other time-outs and retries than the usual.
        """
        self.queues = tuple(queues)
        self.draining = False
        self._transport = transport or Transport(url)
        self._api = Api(self._transport, agent_id, secret)
        self._secret = secret
        self._log_interval = log_interval
        self._echo = echo
        self._stopping = threading.Event()
        self._request_id: str | None = None
        self._hint = POLL_WITHOUT_HINT
        self._job: Job | None = None

    def claim(self) -> Job | None:
        """Claim the next job of the agent's queues; None if there is none.

        A claim whose answer was lost is the same claim when it is made again: no job is left behind.

        Raises:
            Unavailable: the server cannot be reached.
            NotAuthorized: the agent is not known, or was revoked.
        """
        self._request_id = self._request_id or str(uuid.uuid4())
        answer = self._api.claim(self.queues, self._request_id)
        self._request_id = None
        self._hint = _seconds(answer)
        self._note_draining(bool(answer.body.get("draining")))
        if answer.body.get("job") is None:
            return None
        self._job = self._held(answer)
        return self._job

    def jobs(self, *, limit: int | None = None, wait: bool = True) -> Iterator[Job]:
        """Claim jobs one after another, polling as often as the server suggests, until `stop()`.

        `limit` ends it after so many jobs; without `wait` it ends when no job is ready. An unreachable
        server is tried again, ever more slowly.
        """
        served = 0
        while not self._stopping.is_set() and (limit is None or served < limit):
            job = self._claim_patiently()
            if job is not None and self._stopping.is_set():
                job.release()
            elif job is not None:
                served += 1
                yield job
            elif not wait:
                return
            else:
                self._rest(self._hint)

    def stop(self) -> None:
        """End `jobs()`, and have the job at hand released. May be called from any thread."""
        self._stopping.set()
        self._transport.hurry.set()
        if self._job is not None:
            self._job.claim.halt.set(Reason.STOPPED)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def _held(self, answer: Answer) -> Job:
        job = answer.body["job"]
        routes = self._api.held(str(job["jobId"]), str(job.get("projectId") or ""), job.get("attempt"))
        masker = Masker([self._secret, str(answer.body.get("claimToken", ""))])
        return Job(job, Claim(answer, routes), masker, log_interval=self._log_interval, echo=self._echo)

    def _claim_patiently(self) -> Job | None:
        pause = 1.0
        while True:
            try:
                return self.claim()
            except Unavailable as error:
                if self._stopping.is_set():
                    return None
                log.warning("the server cannot be reached, trying again in about %.0f s: %s", pause, error)
                self._rest(pause)
                pause = min(LONGEST_OUTAGE_PAUSE, pause * 2)

    def _rest(self, seconds: float) -> None:
        # Never less than was asked for, and not the same for all agents.
        self._stopping.wait(seconds * random.uniform(1, 1.25))  # noqa: S311  (jitter, not a secret)

    def _note_draining(self, draining: bool) -> None:  # noqa: FBT001  (a fact, not a switch)
        if draining != self.draining:
            log.warning("the server has %s this agent", "begun to drain" if draining else "stopped draining")
        self.draining = draining


def _seconds(answer: Answer) -> float:
    try:
        return min(LONGEST_POLL, max(0.0, float(answer.headers.get("Retry-After", POLL_WITHOUT_HINT))))
    except ValueError:
        return POLL_WITHOUT_HINT
