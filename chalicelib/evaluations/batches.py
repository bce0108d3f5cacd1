"""The batches of an evaluation: what their jobs are called, and what is kept of them for whoever goes on."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Self

from chalicelib.jobs import lifecycle
from chalicelib.jobs.model import Job, Kind
from chalicelib.settings import settings

TYPE = "evaluation-batch"
AT_MOST = 100
"""So many batches are read together whenever one of them gets on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """How an evaluation is spread: its checkpoint, from when all of its batches exist."""

    batches: int
    rows: int

    @classmethod
    def of(cls, job: Job) -> Self | None:
        """The evaluation's; None before its batches exist."""
        return cls(**json.loads(job.checkpoint)) if job.checkpoint else None

    @classmethod
    def for_rows(cls, rows: int) -> Self:
        """Batches of a size that is worth a function's start, but never more than ``AT_MOST``."""
        return cls(batches=math.ceil(rows / cls._size(rows)), rows=rows)

    @property
    def size(self) -> int:
        """Rows in each batch but the last."""
        return self._size(self.rows)

    @staticmethod
    def _size(rows: int) -> int:
        return max(settings().evaluation_batch_rows, math.ceil(rows / AT_MOST))

    def as_json(self) -> dict[str, Any]:
        """What is kept."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What of a batch is done: its checkpoint. A segment is the attempt that made it, its first row, and its rows."""

    segments: tuple[tuple[int, int, int], ...] = ()
    tokens: int = 0

    @classmethod
    def of(cls, job: Job) -> Self:
        """The batch's."""
        told = json.loads(job.checkpoint) if job.checkpoint else {}
        segments = tuple((attempt, first, rows) for attempt, first, rows in told.get("segments", ()))
        return cls(segments=segments, tokens=told.get("tokens", 0))

    @property
    def rows(self) -> int:
        """How many rows are done."""
        return sum(rows for _, _, rows in self.segments)

    def with_segment(self, attempt: int, rows: int, *, tokens: int) -> Self:
        """One more, of the rows that follow."""
        return type(self)(segments=(*self.segments, (attempt, self.rows, rows)), tokens=tokens)

    def as_json(self) -> dict[str, Any]:
        """What is kept."""
        return asdict(self)


def seed(evaluation_id: str, number: int) -> str:
    """What a batch's id is made from: the same batch is never made twice."""
    return f"{evaluation_id}-{number}"


def read_all(evaluation_id: str, split: Split) -> list[Job]:
    """The batches' jobs, in the order of their rows."""
    return lifecycle.read_many([Kind.BATCH.job_id(seed(evaluation_id, n)) for n in range(split.batches)])


def made_of(evaluation_id: str) -> list[Job]:
    """Those of the batches' jobs that exist, of an evaluation that may not have got all of them."""
    return lifecycle.list_of_kind(evaluation_id, Kind.BATCH, skip=0, limit=AT_MOST)
