"""The lease on a job: what is known of it, and the thread that renews it."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from claimcheck_agent.errors import AgentError, Unavailable
from claimcheck_agent.halt import Halt, Reason
from claimcheck_agent.transport import Answer

log = logging.getLogger(__name__)

UNTIL_TOLD = 1800.0  # Seconds of a lease whose end the server did not say; the contract's half hour.
SHORTEST_PAUSE = 0.2


class Lease:
    """How long the job is still this agent's. Fed with every answer; kept on the monotonic clock.

    The time that remains is the server's `claimExpiry` less the server's own `Date`, so that a wrong
    clock on this machine does no harm.
    """

    def __init__(self, halt: Halt) -> None:
        self._halt = halt
        self._ends = time.monotonic() + UNTIL_TOLD

    def learn(self, answer: Answer) -> None:
        """Take `claimExpiry` and `cancelRequested` from an answer."""
        expiry = answer.body.get("claimExpiry")
        if isinstance(expiry, str):
            remains = (datetime.fromisoformat(expiry) - answer.sent_at).total_seconds()
            self._ends = time.monotonic() + remains
        if answer.body.get("cancelRequested"):
            self._halt.set(Reason.CANCELLED)

    def remaining(self) -> float:
        """Seconds until the lease runs out; never negative."""
        return max(0.0, self._ends - time.monotonic())

    def check(self) -> bool:
        """Say whether the lease still holds; one that ran out counts as lost without asking."""
        if self.remaining() <= 0:
            self._halt.set(Reason.LOST)
        return self.remaining() > 0 and self._halt.reason is not Reason.LOST


class LeaseKeeper:
    """Renews a lease from a thread of its own, each time a third of what remains has passed.

    While the server cannot be reached the thirds grow shorter, so tries come faster as the end nears.
    """

    def __init__(self, lease: Lease, halt: Halt, renew: Callable[[], object]) -> None:
        self._lease = lease
        self._halt = halt
        self._renew = renew
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="claimcheck-lease", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew no more."""
        self._done.set()

    def _run(self) -> None:
        while not self._done.wait(self._pause()) and self._lease.check():
            try:
                self._renew()
            except Unavailable as error:
                log.warning("lease not renewed, %.0f s remain: %s", self._lease.remaining(), error)
            except AgentError as error:
                if not self._done.is_set():
                    log.warning("the lease is lost: %s", error)
                    self._halt.set(Reason.LOST)
                return

    def _pause(self) -> float:
        return max(SHORTEST_PAUSE, self._lease.remaining() / 3)
