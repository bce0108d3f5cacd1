"""The hold on one claimed job: everything said to the server about it, and what its answers tell."""

import logging
from collections.abc import Callable
from typing import Any

from claimcheck_agent.api import ClaimApi
from claimcheck_agent.errors import (
    ClaimLost,
    InvalidTransition,
    JobCancelled,
    JobStopped,
    NotAuthorized,
    Unavailable,
)
from claimcheck_agent.halt import Halt, Reason
from claimcheck_agent.lease import Lease, LeaseKeeper
from claimcheck_agent.transport import Answer

log = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0  # Seconds between two tries to report a state.


class Claim:
    """One claim: its lease, its one-time token, and why work on it should end, if it should."""

    def __init__(self, answer: Answer, routes: ClaimApi) -> None:
        self.routes = routes
        self.halt = Halt()
        self.lease = Lease(self.halt)
        self.lease.learn(Answer(body=answer.body["job"], sent_at=answer.sent_at))
        self._token: str | None = answer.body.get("claimToken")
        self._keeper = LeaseKeeper(self.lease, self.halt, self.renew)

    @property
    def hurried(self) -> bool:
        """Whether the agent is about to end."""
        return self.routes.transport.hurry.is_set()

    def keep(self) -> None:
        """Keep the lease from now on."""
        self._keeper.start()

    def let_go(self) -> None:
        """Keep the lease no more."""
        self._keeper.stop()

    def check(self) -> None:
        """Raise JobCancelled, ClaimLost or JobStopped if work on the job should end."""
        self.lease.check()
        if self.halt.reason is Reason.CANCELLED:
            raise JobCancelled
        if self.halt.reason is Reason.LOST:
            raise ClaimLost.noticed()
        if self.halt.reason is Reason.STOPPED:
            raise JobStopped

    def renew(self) -> None:
        """Renew the lease now."""
        self._heard(self.routes.renew)

    def append_logs(self, body: bytes) -> Answer:
        """Append an encoded batch to the log."""
        return self._heard(lambda: self.routes.append_logs(body))

    def report(self, state: str, payload: dict[str, Any] | None = None) -> None:
        """Report a state once; raises JobCancelled if it is no longer possible because of a cancel."""
        try:
            self._heard(lambda: self.routes.report(state, payload))
        except InvalidTransition:
            # Most likely the job is being cancelled; the answer to a renewal says so.
            self.renew()
            if self.halt.reason is Reason.CANCELLED and state != "cancelled":
                raise JobCancelled from None
            raise

    def report_patiently(self, state: str, payload: dict[str, Any] | None = None) -> None:
        """Report a state, trying for as long as the lease lasts: hours of work hang on the last word."""
        pause = 1.0
        while True:
            try:
                return self.report(state, payload)
            except Unavailable as error:
                if not self.lease.check() or self.routes.transport.hurry.wait(pause):
                    raise
                log.warning("trying again to report the job as %s: %s", state, error)
                pause = min(LONGEST_PAUSE, pause * 2)

    def release(self) -> str:
        """Give the job back; gives the state it is in for this agent afterwards."""
        try:
            answer = self._heard(self.routes.release)
        except ClaimLost:
            # The answer to an earlier try was lost, or the lease ran out: either way it is given back.
            log.info("the job was already given back")
            return "released"
        # A job that is being cancelled needs no other agent: the server ends it.
        return "cancelled" if answer.body.get("state") == "cancelled" else "released"

    def redeem(self, kinds: tuple[str, ...]) -> dict[str, str]:
        """Exchange the claim token for secrets, by type; mints another token when there is none left."""
        try:
            values = self.routes.redeem(self._token or self._mint(), kinds)
        except NotAuthorized:
            # Too old, or used up by a redemption whose answer was lost. The lease allows another.
            values = self.routes.redeem(self._mint(), kinds)
        self._token = None
        return values

    def _mint(self) -> str:
        self._token = str(self._heard(self.routes.mint_token).body["claimToken"])
        return self._token

    def _heard(self, call: Callable[[], Answer]) -> Answer:
        """Make a call and take from its answer, or its refusal, how the lease stands."""
        try:
            answer = call()
        except ClaimLost:
            self.halt.set(Reason.LOST)
            raise
        self.lease.learn(answer)
        return answer
