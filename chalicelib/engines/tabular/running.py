"""Running a query while somebody watches who may stop it."""

import json
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import duckdb

from .errors import TabularError
from .problems import translated
from .progress import Progress

POLL_SECONDS = 0.15
INTERRUPT_SECONDS = 0.02


class Runner:
    """Runs queries of one connection, and tells how far they are."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, progress: Progress) -> None:
        self.connection = connection
        self._progress = progress

    def run(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The rows that a query gives.

        Raises:
            TabularError: it failed; translated for the person whose file it is.
            Exception: whatever the monitor raised.
        """
        with translated(), _Watcher(self.connection, self._progress):
            return self.connection.execute(sql, dict(parameters)).fetchall()

    def profile(self) -> Mapping[str, Any]:
        """The tree of operators of the query that was run last.

        Raises:
            TabularError: it is too deep, of dozens of steps that sort or group.
        """
        told = self.connection.get_profiling_information(format="json")
        try:
            profile: Mapping[str, Any] = json.loads(told)
        except RecursionError as error:
            raise TabularError("too many of the steps sort or group; let several jobs share the work") from error
        return profile


class _Watcher:
    """Tells the progress of what runs inside; where the monitor raises, interrupts it and raises the same."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, progress: Progress) -> None:
        self._connection = connection
        self._progress = progress
        self._ended = threading.Event()
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._watch, name="tabular-watcher", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._raised is not None:
            raise self._raised from None

    def _watch(self) -> None:
        try:
            while not self._ended.wait(POLL_SECONDS):
                self._progress.tell(self._connection.query_progress() / 100)
        except BaseException as error:  # noqa: BLE001  Raised again by the thread that runs the query.
            self._raised = error
            self._interrupt()

    def _interrupt(self) -> None:
        # Again and again: an interrupt that comes just before the query starts is forgotten.
        while not self._ended.wait(INTERRUPT_SECONDS):
            self._connection.interrupt()
