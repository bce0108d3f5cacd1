"""The jobs table's stream: turns each change into its effects, all of which may be done twice without harm."""

from typing import Any

from chalice.app import Blueprint, DynamoDBEvent

from chalicelib import queues
from chalicelib.dynamo import Table
from chalicelib.jobs import attempts, changes, cleanup
from chalicelib.jobs.changes import (
    AttemptEnded,
    ChangeRecord,
    Effect,
    Forgotten,
    GatherDue,
    OutputAbandoned,
    ReplyDue,
    VerdictDue,
    WatchersDue,
    WorkDue,
)
from chalicelib.jobs.model import Job
from chalicelib.jobs.tables import JobRow
from chalicelib.objects import leftovers
from chalicelib.projects import chats
from chalicelib.telemetry import count, logger, start_trace

triggers = Blueprint(__name__)

# The real ARN is put in by the CloudFormation template; Chalice wants one to know the kind of trigger.
STREAM_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/jobs/stream/replaced-by-the-template"


@triggers.on_dynamodb_record(stream_arn=STREAM_ARN, batch_size=100, starting_position="TRIM_HORIZON", name="stream")
def stream(event: DynamoDBEvent) -> None:
    """Handle a batch of changes in order; an error makes Lambda bisect it, so that one bad record stops no other."""
    watched: list[WatchersDue] = []
    for record in event:
        for effect in changes.effects(_job(record.old_image), _job(record.new_image)):
            if isinstance(effect, WatchersDue):
                watched.append(effect)
            else:
                _do(effect)
    if watched:
        _tell(watched)


def _do(effect: Effect) -> None:
    match effect:
        case ChangeRecord():
            _announce(effect)
        case AttemptEnded():
            attempts.record(effect)
        case ReplyDue(job):
            chats.reply(job)
        case Forgotten(job_id):
            cleanup.forget(job_id)
        case WorkDue(queue):
            if queue in queues.STAGES:
                queues.wake(queue)
        case VerdictDue(job):
            # No other function's start is to pay for it.
            from chalicelib.pipelines import examining, jobs  # noqa: PLC0415

            examining.settle(jobs.Detail.of(job))
        case GatherDue(job_id):
            queues.gather(job_id)
        case OutputAbandoned(job_id, attempt):
            leftovers.discard_output(job_id, attempt)
            # Whoever made it may not know yet that the job is not theirs any more, and may be about to upload.
            queues.discard_later(job_id, attempt)


def _tell(due: list[WatchersDue]) -> None:
    # No other function has watchers to tell.
    from chalicelib.builds import live  # noqa: PLC0415

    live.tell(due)


def _announce(change: ChangeRecord) -> None:
    # No other function has messages to make.
    from chalicelib.messages import publish  # noqa: PLC0415

    job = change.job
    start_trace(job.trace_parent)
    facts: dict[str, Any] = {
        "job_id": job.job_id,
        "sequence": change.sequence,
        "kind": job.kind,
        "type": job.type,
        "state": job.state,
    }
    publish.announce(change)
    logger.info(change.event, message_id=change.message_id, **facts)
    count(change.event, kind=job.kind)


def _job(image: dict[str, Any] | None) -> Job | None:
    return _row(JobRow, image).to_job() if image else None


def _row(table: type[JobRow], image: dict[str, Any]) -> JobRow:
    row: Table = table.from_raw_data(image)
    assert isinstance(row, JobRow)  # noqa: S101  for the type checker; from_raw_data makes what it is called on
    return row
