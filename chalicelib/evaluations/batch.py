"""One batch: its rows are answered and scored in segments, each of them kept as soon as it is done."""

from typing import Any

from chalicelib import queues
from chalicelib.errors import JobNotFound
from chalicelib.jobs import documents, holding, lifecycle
from chalicelib.jobs.model import Job, State
from chalicelib.jobs.staging import Refusal, Work
from chalicelib.jobs.watch import OutOfTime
from chalicelib.objects import contents, keys

from .batches import Done
from .planning import JSON_LINES
from .rows import Scoring, as_lines
from .semantic import Scorer
from .terms import Terms


def run(work: Work) -> dict[str, Any] | None:
    """Do what is left of a batch; None where another has to go on with it.

    Raises:
        Refusal: the evaluation has ended, or the batch cannot be done.
    """
    # First of all: only what is running can fail.
    holding.report(work.holder, work.job.job_id, State.RUNNING, None)
    terms = _terms(work)
    lines = contents.read(str(work.job.input_key)).splitlines()
    try:
        done = _score(work, terms, lines)
    except OutOfTime:
        holding.release(work.holder, work.job.job_id)
        return None
    if terms.scorer is Scorer.AGENTS:
        _hand_over(work, done)
        return None
    return {"rows": done.rows}


def results_of(batch: Job, number: int) -> list[bytes]:
    """The results of what is done of a batch: a line of JSON for each row, in their order."""
    return _results(batch.owner, number, Done.of(batch))


def _results(evaluation_id: str, number: int, done: Done) -> list[bytes]:
    segments = [keys.batch_segment(evaluation_id, number, attempt, first) for attempt, first, _ in done.segments]
    return [line for key in segments for line in contents.read(key).splitlines()]


def _score(work: Work, terms: Terms, lines: list[bytes]) -> Done:
    done = Done.of(work.job)
    scoring = Scoring(work, terms, spent=done.tokens)
    while done.rows < len(lines):
        results = scoring.segment(lines[done.rows :], first=work.order["first"] + done.rows)
        key = keys.batch_segment(work.job.owner, work.order["number"], work.job.attempt, done.rows)
        contents.write(key, as_lines(results), JSON_LINES)
        done = done.with_segment(work.job.attempt, len(results), tokens=scoring.tokens)
        holding.report(work.holder, work.job.job_id, State.RUNNING, None, checkpoint=done.as_json())
    return done


def _terms(work: Work) -> Terms:
    try:
        evaluation = lifecycle.read(work.job.owner)
        order = documents.get(evaluation.job_id, evaluation.payload)
    except (JobNotFound, KeyError) as error:
        raise Refusal("Its evaluation is gone.") from error
    if evaluation.finished or evaluation.cancel_requested:
        raise Refusal("Its evaluation has ended.")
    return Terms.of(order)


def _hand_over(work: Work, done: Done) -> None:
    """Let an agent give the semantic scores: it gets the results as they are, and answers a number for each."""
    job = work.job
    results = b"\n".join(_results(job.owner, work.order["number"], done))
    given = contents.write(keys.batch_scored(job.owner, work.order["number"], job.attempt), results, JSON_LINES)
    holding.release(work.holder, job.job_id, queue=queues.SEMANTIC, given=given)
