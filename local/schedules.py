"""EventBridge's schedules for one process: calls the app's scheduled handlers at their rate."""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalice.app import Chalice, Rate, ScheduledEventConfig
from chalice.local import LambdaContext

from .environment import REGION

_UNITS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}

log = logging.getLogger("local.schedules")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A scheduled handler; ``seconds`` is None for a cron expression, which runs only when asked for."""

    name: str
    seconds: float | None
    handler: Callable[[dict[str, Any], Any], Any]

    def run(self) -> None:
        """Call the handler now; its exceptions are the caller's."""
        self.handler(_event(self.name), LambdaContext(self.name, memory_size=1024, max_runtime_ms=60_000))


class Scheduler:
    """Runs an app's schedules in a thread of its own, each for the first time when its period has passed once."""

    def __init__(self, app: Chalice) -> None:
        self._schedules = schedules_of(app)
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)

    @property
    def names(self) -> list[str]:
        """The schedules' names."""
        return [schedule.name for schedule in self._schedules]

    def start(self) -> None:
        """Begin to keep time."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the handler that is running."""
        self._stopped.set()
        self._thread.join(timeout=10)

    def run_all(self) -> None:
        """Run every schedule once, in this thread, as if its time had come."""
        for schedule in self._schedules:
            self._run_one(schedule)

    def _run_one(self, schedule: Schedule) -> None:
        with self._turn:
            schedule.run()

    def _run(self) -> None:
        timed = {schedule: schedule.seconds for schedule in self._schedules if schedule.seconds}
        due = {schedule: time.monotonic() + seconds for schedule, seconds in timed.items()}
        while due and not self._stopped.wait(max(0.0, min(due.values()) - time.monotonic())):
            for schedule in [each for each, moment in due.items() if moment <= time.monotonic()]:
                due[schedule] = time.monotonic() + timed[schedule]
                self._run_safely(schedule)

    def _run_safely(self, schedule: Schedule) -> None:
        try:
            self._run_one(schedule)
        except Exception:
            log.exception("the schedule %s failed and runs again at its next time", schedule.name)


def schedules_of(app: Chalice) -> list[Schedule]:
    """The app's ``@app.schedule`` handlers."""
    configs = [source for source in app.event_sources if isinstance(source, ScheduledEventConfig)]
    return [
        Schedule(name=config.name, seconds=_period(config.schedule_expression), handler=app.handler_map[config.name])
        for config in configs
    ]


def _period(expression: object) -> float | None:
    text = expression.to_string() if isinstance(expression, Rate) else str(expression)
    if not text.startswith("rate("):
        return None
    value, unit = text.removeprefix("rate(").removesuffix(")").split()
    return float(value) * _UNITS[unit.removesuffix("s")]


def _event(name: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:123456789012:rule/{name}"],
        "detail": {},
    }
