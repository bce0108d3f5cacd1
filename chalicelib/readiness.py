"""Whether what the service needs answers: each dependency is asked something small, all at once."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from . import aws, queues
from .idempotency import KeyRow
from .settings import settings
from .telemetry import logger

ANSWER_SECONDS = 3.0
REMEMBERED_SECONDS = 5.0


def _database() -> None:
    KeyRow.read("readiness")


def _storage() -> None:
    aws.s3().head_bucket(Bucket=settings().bucket)


def _queues() -> None:
    aws.sqs().get_queue_url(QueueName=queues.name_of(queues.EVALUATIONS))


def _security() -> None:
    aws.kms().describe_key(KeyId=settings().kms_key_id)


_ASKED: Mapping[str, Callable[[], None]] = {
    "database": _database,
    "storage": _storage,
    "queues": _queues,
    "security": _security,
}
"""DynamoDB, S3, SQS and KMS, by what they are to a caller."""


class Readiness:
    """What answers, as it was found some seconds ago at most."""

    def __init__(self) -> None:
        self._found: dict[str, bool] = {}
        self._until = 0.0
        self._asking = Lock()

    def check(self) -> dict[str, bool]:
        """Each dependency by its name, and whether it answers."""
        with self._asking:
            if time.monotonic() >= self._until:
                self._found = _ask()
                self._until = time.monotonic() + REMEMBERED_SECONDS
            return dict(self._found)

    def forget(self) -> None:
        """Ask anew the next time."""
        self._until = 0.0


def _ask() -> dict[str, bool]:
    threads = ThreadPoolExecutor(len(_ASKED))
    try:
        asked = {name: threads.submit(ask) for name, ask in _ASKED.items()}
        ends = time.monotonic() + ANSWER_SECONDS
        return {name: _answers(name, call.exception, ends) for name, call in asked.items()}
    finally:
        # One that still waits for an answer is not waited for.
        threads.shutdown(wait=False, cancel_futures=True)


def _answers(name: str, failure: Callable[[float], BaseException | None], ends: float) -> bool:
    try:
        error = failure(max(0.0, ends - time.monotonic()))
    except TimeoutError as late:
        error = late
    if error is not None:
        logger.warning("dependency.unanswered", dependency=name, reason=type(error).__name__)
    return error is None


readiness = Readiness()
