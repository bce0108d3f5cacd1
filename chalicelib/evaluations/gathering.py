"""The end of an evaluation: when the last batch is done, their results are put together, each row once."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalicelib.accounts import agents
from chalicelib.accounts.agents import Coordinator
from chalicelib.engines.evaluation import results
from chalicelib.engines.evaluation.criteria import Criteria
from chalicelib.engines.evaluation.results import Format
from chalicelib.engines.evaluation.scoring import RowResult, with_semantic
from chalicelib.engines.evaluation.summary import Summary
from chalicelib.errors import (
    ClaimcheckError,
    ClaimLost,
    InvalidStateTransition,
    JobAlreadyClaimed,
    UploadIncomplete,
)
from chalicelib.jobs import documents, holding, lifecycle
from chalicelib.jobs.holding import Holder
from chalicelib.jobs.model import Job, State
from chalicelib.objects import keys, transfers
from chalicelib.telemetry import logger, start_trace

from . import batch as batch_jobs
from . import batches
from .batches import Done, Split
from .rows import as_lines
from .semantic import Scorer

CONTENT_TYPES: dict[Format, str] = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
}


class BatchLost(Exception):
    """A batch came to nothing, and with it the evaluation."""


def look(evaluation_id: str) -> None:
    """See how an evaluation's batches stand: tell its progress, put it together, or end with it what is left of them.

    It may be done at any time, by several at once, and again: each of its writes is the evaluation's holder's, and
    the same results are told once.
    """
    evaluation = lifecycle.find(evaluation_id)
    if evaluation is None:
        return
    split = Split.of(evaluation)
    if split is None:
        if evaluation.finished:
            # Whoever was making its batches stopped in the midst of them.
            _stop(batches.made_of(evaluation_id))
        return  # When all of them are there, that is a reason to look again.
    start_trace(evaluation.trace_parent)
    found = batches.read_all(evaluation_id, split)
    try:
        _see(evaluation, split, found)
    except (ClaimLost, JobAlreadyClaimed, InvalidStateTransition) as lost:
        # Somebody else has ended it, or its lease ran out and it begins anew with the batches that there are.
        logger.info("evaluation.moved_on", job_id=evaluation_id, code=lost.code)


def _see(evaluation: Job, split: Split, found: list[Job]) -> None:
    if evaluation.state is State.CANCELLING:
        holding.report(_holder(evaluation), evaluation.job_id, State.CANCELLED, None)
    if evaluation.cancel_requested or evaluation.state is State.FAILED:
        _stop(found)
    elif evaluation.state is State.RUNNING:
        _go_on(evaluation, split, found)


def _go_on(evaluation: Job, split: Split, found: list[Job]) -> None:
    lost = next((job for job in found if job.state in {State.FAILED, State.CANCELLED}), None)
    if lost:
        _end(evaluation, State.FAILED, {"error": lost.error_message or "A batch was cancelled."})
        _stop(found)
    elif len(found) == split.batches and all(job.state is State.COMPLETED for job in found):
        _put_together(evaluation, split, found)
    else:
        _tell(evaluation, split, sum(Done.of(job).rows for job in found))


def _tell(evaluation: Job, split: Split, rows: int) -> None:
    before = json.loads(evaluation.progress or "{}")
    if rows > before.get("rows_done", 0):
        told = {"phase": "evaluating", "rows_done": rows, "rows_total": split.rows}
        holding.report(_holder(evaluation), evaluation.job_id, State.RUNNING, told)
    holding.renew(_holder(evaluation), evaluation.job_id)


def _put_together(evaluation: Job, split: Split, found: list[Job]) -> None:
    """Every way in which this can end, each with the evaluation's last word; where the store fails there is none."""
    holding.renew(_holder(evaluation), evaluation.job_id)
    try:
        order = documents.get(evaluation.job_id, evaluation.payload)
        with TemporaryDirectory(prefix="claimcheck-") as folder:
            told = _delivered(evaluation, split, _rows(order, found), Path(folder))
    except BatchLost as error:
        _end(evaluation, State.FAILED, {"error": str(error)})
    except UploadIncomplete:
        _end(evaluation, State.FAILED, {"error": "The results of a batch are no longer stored."})
    except ClaimcheckError:
        raise
    except Exception:
        logger.exception("evaluation.crashed", job_id=evaluation.job_id)
        _end(evaluation, State.FAILED, {"error": "The results could not be put together because of an internal error."})
        raise
    else:
        _end(evaluation, State.COMPLETED, told)


def _delivered(evaluation: Job, split: Split, scored: Iterator[RowResult], folder: Path) -> dict[str, Any]:
    rows, summary = folder / "rows", Summary()
    with rows.open("wb") as file:
        for row in scored:
            summary.add(row)
            file.write(as_lines([row]) + b"\n")
    told = summary.as_dict()
    if told["total"] != split.rows:
        raise BatchLost("Its batches were made twice, in two sizes: the settings changed meanwhile. Submit it again.")
    outputs = {}
    for form, content_type in CONTENT_TYPES.items():
        path = results.write(
            results.read(rows), folder / f"results.{form}", form, job_id=evaluation.job_id, summary=told
        )
        key = f"{keys.output_folder(evaluation.job_id, evaluation.attempt)}{path.name}"
        transfers.deliver(path, key, content_type, lambda _: None)
        outputs[form] = {"object_key": key, "size": path.stat().st_size, "content_type": content_type}
    return {"summary": told, "outputs": outputs}


def _rows(order: dict[str, Any], found: list[Job]) -> Iterator[RowResult]:
    criteria = Criteria.model_validate(order["configuration"]["evaluation_criteria"])
    for number, batch in enumerate(found):
        scored: list[RowResult] = [json.loads(line) for line in batch_jobs.results_of(batch, number)]
        if order["scorer"] != Scorer.AGENTS:
            yield from scored
            continue
        scores = _scores(batch, len(scored))
        yield from (with_semantic(*pair, criteria) for pair in zip(scored, scores, strict=True))


def _scores(batch: Job, rows: int) -> list[float]:
    """What an agent has told of a batch, taken only in the form that it should have."""
    try:
        told = documents.get(batch.job_id, batch.result)
    except KeyError:
        told = None
    scores = told.get("similarities") if isinstance(told, dict) else None
    if not isinstance(scores, list) or len(scores) != rows or not all(map(_is_score, scores)):
        raise BatchLost("An agent should have given a semantic score from 0 to 1 for each row, and did not.")
    return [float(score) for score in scores]


def _is_score(told: object) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= 1


def _stop(found: list[Job]) -> None:
    for job in found:
        if not job.finished:
            try:
                lifecycle.cancel(job)
            except InvalidStateTransition:
                continue  # It has just ended.


def _end(evaluation: Job, state: State, told: dict[str, Any]) -> None:
    try:
        holding.report(_holder(evaluation), evaluation.job_id, state, told)
    except InvalidStateTransition:
        holding.report(_holder(evaluation), evaluation.job_id, State.CANCELLED, None)


def _holder(evaluation: Job) -> Holder:
    """Whoever spread the evaluation holds it; it is held for all who do its parts."""
    return Holder(Coordinator(agents.id_of(str(evaluation.agent))), evaluation.attempt)
