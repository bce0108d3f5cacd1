"""The engine's one entry: a file is read, taken through its steps, and written."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .compiling import compile_step
from .counting import RowCounts
from .errors import BadFile, TabularError
from .formats import Target, target_of
from .frames import Frame
from .limits import Limits
from .opening import open_source
from .plan import Plan
from .progress import Monitor, Progress
from .running import Runner
from .session import open_session
from .sources import BadRows, Source
from .space import within_space
from .writing import Writer, Written

__all__ = ["Limits", "Monitor", "Output", "Plan", "process"]

_OPENED, _WRITTEN = 0.3, 0.95
_MAX_PLANNED = 3_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What has come out.

    Attributes:
        path: of the file, in the folder.
        suffix: what the file's name should end with, such as ``.csv.gz``.
        content_type: its media type.
        report: rows, seconds and bytes, as JSON.
    """

    path: Path
    suffix: str
    content_type: str
    report: dict[str, Any]


def process(source: Path, folder: Path, plan: Plan, limits: Limits, monitor: Monitor) -> Output:
    """Process a file.

    Args:
        source: the file; it is not changed.
        folder: an empty one for everything that is written; it is the caller's to delete, also after an error.
        plan: what is to be done.
        limits: what it may take.
        monitor: is told how far it is; what it raises ends the work within half a second and comes out of here.

    Raises:
        BadFile: the file is not what its format says; with the line or the column.
        BadColumn: a step names a column that is not there.
        BadValue: a value cannot become what a step makes of it.
        TooLarge: the file grows beyond the limit when it is expanded.
        NotEnoughSpace: it does not fit the folder, or what the limits leave of it.
        NotEnoughMemory: it does not fit the memory.
        TabularError: it fails in another way.
    """
    folder = folder.resolve()
    return _Job(source, folder, plan, limits, Progress(within_space(monitor, folder, limits))).run()


class _Job:
    def __init__(self, source: Path, folder: Path, plan: Plan, limits: Limits, progress: Progress) -> None:
        self._source = source
        self._folder = folder
        self._plan = plan
        self._limits = limits
        self._progress = progress
        self._started = time.monotonic()

    def run(self) -> Output:
        self._progress.tell(0.0)
        with self._progress.part(_OPENED):
            source = open_source(self._source, self._folder, self._plan, self._limits, self._progress)
        while True:
            try:
                return self._written(source)
            except _Mended as mended:
                source = mended.source

    def _written(self, source: Source) -> Output:
        with open_session(self._source, self._folder, self._limits) as connection:
            runner = Runner(connection, self._progress)
            try:
                return self._taken_through(source, runner)
            except BadFile as error:
                raise _mended(source) or source.explained(error, runner) from error

    def _taken_through(self, source: Source, runner: Runner) -> Output:
        frames = self._frames(source.frame)
        target = target_of(self._plan.steps, source.written_as)
        with self._progress.part(_WRITTEN):
            written = Writer(runner, source, target, self._folder, self._plan.options).write(frames[-1])
        with self._progress.part(1.0):
            counts = RowCounts(runner, frames, self._plan.steps).after(written.rows)
            bad_rows = source.bad_rows(runner)
        if not counts[0] and not bad_rows.count:
            source.refuse_lost_rows(runner)
        if bad_rows.count and (mended := _mended(source)):
            raise mended
        return self._output(written, target, counts, bad_rows)

    def _frames(self, frame: Frame) -> list[Frame]:
        frames = [frame]
        for index, step in enumerate(self._plan.steps):
            frames.append(compile_step(step, frames[-1], index=index))
        if len(frames[-1].sql) > _MAX_PLANNED:
            # Planning takes ever longer, and nothing can interrupt it.
            raise TabularError("the steps do too much at once with so many columns; let several jobs share the work")
        return frames

    def _output(self, written: Written, target: Target, counts: list[int], bad_rows: BadRows) -> Output:
        report = {
            "rows_in": counts[0],
            "rows_out": counts[-1],
            "steps": [
                {"index": index, "type": step.type, "rows_in": given, "rows_out": left, "dropped": given - left}
                for index, (step, given, left) in enumerate(zip(self._plan.steps, counts, counts[1:], strict=False))
            ],
            "bad_rows": {
                "count": bad_rows.count,
                "first": [{"line": row.line, "reason": row.reason} for row in bad_rows.first],
            },
            "seconds": round(time.monotonic() - self._started, 3),
            "bytes_in": self._source.stat().st_size,
            "bytes_out": written.path.stat().st_size,
            "format": target.format,
            "columns": [{"name": name} | ({"type": kind} if kind else {}) for name, kind in written.columns],
        }
        return Output(path=written.path, suffix=target.suffix, content_type=target.content_type, report=report)


class _Mended(Exception):
    """The file has to be read again, as it was mended."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source


def _mended(source: Source) -> _Mended | None:
    mended = source.mended()
    return _Mended(mended) if mended else None
