"""SQS queues: what wakes a stage, and what tells of uploads. A message is a hint; the truth is in the tables."""

import json
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import aws
from .errors import StorageFailed
from .settings import settings

LONGEST_RUN_SECONDS = 900
"""A function ends after this at the latest; it is also the longest delay that SQS has."""
FILES = "files"
"""Wakes the stage that processes files."""
UPLOADS = "uploads"
"""S3's events of uploaded inputs; delayed, so that a client which says so itself comes first."""
LARGE_FILES = "files-large"
"""The queue of files that are too large for a function of ours; agents on bigger machines serve it."""
EVALUATIONS = "evaluations"
"""Wakes the stage that evaluates answers, also to look at the parts of an evaluation."""
SEMANTIC = "evaluations-semantic"
"""The queue of batches that wait for semantic scores; agents with a sentence-embedding model serve it."""
BUILDS = "builds"
"""The queue of builds and analyses; agents that can build and analyse serve it."""
PIPELINES = "pipelines"
"""The queue of smart contracts: agents that can write, deploy and examine them serve it."""
WEBHOOKS = "webhooks"
"""JobMessages on their way to the webhooks of the jobs' owners."""
STAGES = frozenset({FILES, EVALUATIONS})
"""The queues of jobs that are served by a stage; each has an SQS queue of the same name."""
RESERVED = STAGES | {LARGE_FILES, SEMANTIC, BUILDS, PIPELINES}
"""The queues that only jobs of their own kind may be in."""


def name_of(queue: str) -> str:
    """The full name of a queue: the deployment's prefix and the queue's own name."""
    return f"{settings().table_prefix}-{queue}"


def wake(queue: str) -> None:
    """Tell a stage that a job of its queue is ready. Once too often is once in vain.

    Raises:
        StorageFailed: SQS did not take the message.
    """
    _send(queue, {"queue": queue})


def gather(job_id: str) -> None:
    """Have a job look at its parts. Once too often is once in vain.

    Raises:
        StorageFailed: SQS did not take the message.
    """
    _send(EVALUATIONS, {"gather": job_id})


def deliver(ticket: dict[str, Any], *, delay: int = 0) -> None:
    """Have a webhook's delivery tried, after a delay in seconds.

    Raises:
        StorageFailed: SQS did not take the message.
    """
    _send(WEBHOOKS, {"deliver": ticket}, delay=delay)


def discard_later(job_id: str, attempt: int) -> None:
    """Have a stage discard what an attempt has put into the store, once nobody can be at work on it any more.

    Raises:
        StorageFailed: SQS did not take the message.
    """
    _send(FILES, {"discard": {"job_id": job_id, "attempt": attempt}}, delay=LONGEST_RUN_SECONDS)


def _send(queue: str, told: dict[str, Any], *, delay: int = 0) -> None:
    message = {"MessageBody": json.dumps(told), "DelaySeconds": delay}
    try:
        aws.sqs().send_message(QueueUrl=_url(name_of(queue)), **message)
    except (BotoCoreError, ClientError) as error:
        raise StorageFailed from error


@cache
def _url(name: str) -> str:
    return str(aws.sqs().get_queue_url(QueueName=name)["QueueUrl"])
