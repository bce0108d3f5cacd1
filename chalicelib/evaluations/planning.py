"""The beginning of an evaluation: its data set is read as a whole, and spread over batches."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalicelib import queues
from chalicelib.accounts.agents import Coordinator
from chalicelib.engines.tabular.process import Limits, Plan, process
from chalicelib.engines.tabular.steps import ConvertFormat, ConvertFormatStep, Options
from chalicelib.jobs import holding, lifecycle
from chalicelib.jobs.holding import Holder
from chalicelib.jobs.model import MAX_ATTEMPTS, Kind, NewJob, State
from chalicelib.jobs.staging import Refusal, Work
from chalicelib.jobs.watch import Cancelled, OutOfTime
from chalicelib.objects import contents, keys, transfers
from chalicelib.settings import settings

from . import batches, datasets
from .batches import Split

# A batch is one job more in the table, and its attempts are also those of the agents that may score it.
BATCH_ATTEMPTS = MAX_ATTEMPTS
JSON_LINES = "application/x-ndjson"
_TO_LINES = ConvertFormatStep(type="convert_format", params=ConvertFormat(to_format="jsonl", compression="none"))


def spread(work: Work) -> None:
    """Make an evaluation's batches, unless an earlier attempt has; from then on it waits for them.

    Raises:
        Refusal, DataSetError, TabularError: the data set cannot be evaluated.
        Cancelled: the evaluation has been cancelled.
    """
    if Split.of(work.job) is None:
        if holding.report(work.holder, work.job.job_id, State.RUNNING, {"phase": "preparing"}).cancel_requested:
            raise Cancelled
        try:
            split = _made(work)
        except OutOfTime as error:
            raise Refusal("The data set could not be prepared within the time that there is for it.") from error
        told = {"phase": "evaluating", "rows_done": 0, "rows_total": split.rows}
        kept = holding.report(work.holder, work.job.job_id, State.RUNNING, told, checkpoint=split.as_json())
        if kept.cancel_requested:
            raise Cancelled
    elif work.job.state is State.CLAIMED:
        holding.report(work.holder, work.job.job_id, State.RUNNING, None)
    # Its batches renew its lease as they get on; each of them has more time than a stage's lease.
    holding.renew(Holder(Coordinator(work.holder.agent.agent_id), work.job.attempt), work.job.job_id)


def _made(work: Work) -> Split:
    with TemporaryDirectory(prefix="claimcheck-") as folder:
        rows = _as_lines(work, Path(folder))
        split, columns = _split(rows, work.order["configuration"])
        with rows.open("rb") as lines:
            for number in range(split.batches):
                work.watch("preparing", number, split.batches)
                _make(work, split, number, [_filled(line, columns) for line in islice(lines, split.size)])
    return split


def _as_lines(work: Work, folder: Path) -> Path:
    """The data set as JSON Lines, whatever it came as."""
    source, scratch = folder / "source", folder / "scratch"
    scratch.mkdir()
    transfers.fetch(work.job, source, lambda done: work.watch("preparing", done, work.job.input_size or 0))
    plan = Plan(
        file_name=str(work.job.input_key).rpartition("/")[2],
        steps=[_TO_LINES],
        options=Options(),
    )
    limits = Limits(
        memory_bytes=settings().file_memory_bytes,
        temp_bytes=settings().file_expanded_max_bytes,
        expanded_bytes=settings().file_expanded_max_bytes,
        threads=1,
    )
    return process(source, scratch, plan, limits, lambda done: work.watch("preparing", done, 1)).path


def _split(rows: Path, configuration: dict[str, Any]) -> tuple[Split, list[str]]:
    """How the rows are spread, and the columns of all of them."""
    count, columns = 0, dict[str, None]()
    for row in _rows(rows):
        count += 1
        columns.update(dict.fromkeys(row))
    most = settings().evaluation_max_rows
    if not 0 < count <= most:
        raise Refusal(f"The data set has {count} rows; it may have 1 to {most}.")
    datasets.check(list(columns), configuration)
    return Split.for_rows(count), list(columns)


def _filled(line: bytes, columns: list[str]) -> bytes:
    """A row with a null for each column that it leaves out, so that all rows have their texts in the same columns.

    What it has stays as it is written: ``1.50`` would not survive being parsed.
    """
    row = json.loads(line)
    missing = b"".join(b",%b:null" % json.dumps(name).encode() for name in columns if name not in row)
    if not missing:
        return line
    return line.rstrip().removesuffix(b"}") + (missing if row else missing[1:]) + b"}\n"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _make(work: Work, split: Split, number: int, lines: list[bytes]) -> None:
    evaluation = work.job
    given = contents.write(keys.batch_input(evaluation.job_id, number), b"".join(lines), JSON_LINES)
    new = NewJob(
        kind=Kind.BATCH,
        type=batches.TYPE,
        owner=evaluation.job_id,
        created_by=evaluation.created_by,
        payload={"number": number, "first": number * split.size, "rows": len(lines), "total": split.rows},
        queue=queues.EVALUATIONS,
        max_attempts=BATCH_ATTEMPTS,
        given=given,
        trace_parent=evaluation.trace_parent,
    )
    lifecycle.create(new, batches.seed(evaluation.job_id, number))
