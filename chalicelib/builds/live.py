"""Live progress: what the watchers of a job are told, in the order in which it happened.

All is told from the jobs table's stream, which has a job's changes in their order. A connection is noted in the table,
and then on the job; that change too comes through the stream, and there its watcher is greeted. So what a watcher is
greeted with and what follows can neither overtake each other nor leave a gap. A watcher that cannot be told something
is disconnected, and learns on coming back how the job stands.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws, times
from chalicelib.dynamo import BACKEND_ERRORS, Refused, expiry
from chalicelib.errors import StorageFailed
from chalicelib.jobs import lifecycle
from chalicelib.jobs.changes import WatchersDue
from chalicelib.jobs.model import Job
from chalicelib.telemetry import logger

from . import messages, words
from .messages import News
from .tables import ConnectionRow

LONGEST = timedelta(hours=2)
"""How long API Gateway keeps a connection."""
AT_ONCE = 16
# An open connection may be said to be gone until its handshake is over.
GREETING_PAUSES = (0.1, 0.3)
PATIENCE_SECONDS = 1.0


def watch(job: Job, connection_id: str, *, until: datetime) -> None:
    """Have a connection told of a job, from how it stands now to its end.

    Args:
        job: that the caller may see.
        connection_id: as API Gateway calls it.
        until: when what the caller has shown ends to be good.

    Raises:
        JobNotFound: the job is gone.
    """
    ends = expiry(min(until, times.now() + LONGEST))
    ConnectionRow(job.job_id, connection_id, expires=ends).put()
    lifecycle.watch(job.job_id)


def tell(due: Sequence[WatchersDue]) -> None:
    """Tell the watchers of some jobs how these stand now; those who know some of the states, only of the later ones.

    Args:
        due: what has happened to the jobs, in its order.

    Raises:
        StorageFailed: who watches is not known.
    """
    jobs: dict[str, list[WatchersDue]] = {}
    for one in due:
        jobs.setdefault(one.job.job_id, []).append(one)
    patience = Patience()
    calls = [(watcher, news, patience) for job_id, told in jobs.items() for watcher, news in _watchers(job_id, told)]
    if calls:
        with ThreadPoolExecutor(min(AT_ONCE, len(calls))) as threads:
            list(threads.map(lambda call: _tell(*call), calls))


class Patience:
    """How long a batch of changes waits, all in all, for handshakes to be over: the changes of others come after it."""

    def __init__(self) -> None:
        self._until = time.monotonic() + PATIENCE_SECONDS

    def wait(self, seconds: float) -> bool:
        """Wait, if there is time for it; whether there was."""
        if time.monotonic() + seconds > self._until:
            return False
        time.sleep(seconds)
        return True


def _watchers(job_id: str, due: Sequence[WatchersDue]) -> Iterator[tuple[ConnectionRow, Sequence[News]]]:
    news = _news(due)
    for watcher in ConnectionRow.page(ConnectionRow.query(job_id, consistent_read=True)):
        yield watcher, news


def _news(due: Sequence[WatchersDue]) -> list[News]:
    """Each state once, up to the end: what comes after that is of no matter to a watcher."""
    found: list[News] = []
    for one in due:
        if found and words.ended(found[-1].job):
            break
        # Where somebody has begun to watch, a job has changed without getting on: its version is the same.
        if found and found[-1].job.version == one.job.version:
            found[-1] = News(one.job, fresh=found[-1].fresh or one.news)
        else:
            found.append(News(one.job, fresh=one.news))
    return found


def _tell(watcher: ConnectionRow, news: Sequence[News], patience: Patience) -> None:
    try:
        texts = _due(watcher, news)
        for text in texts:
            _post(watcher, text, patience)
        if not words.ended(news[-1].job) and not _expired(watcher):
            if texts:
                _remember(watcher, news[-1].job.version)
            return
    except (BotoCoreError, ClientError, StorageFailed) as error:
        # One of whom it is not known what they know would be told it twice.
        logger.info("watcher.lost", job_id=watcher.job_id, reason=type(error).__name__)
    _drop(watcher)


def _due(watcher: ConnectionRow, news: Sequence[News]) -> list[str]:
    """What a watcher is to be told."""
    if _expired(watcher):
        return []
    if watcher.told is None:
        # Who comes anew is told how things stand, not how they came to it.
        return [messages.connected(news[-1].job), news[-1].text]
    known = watcher.told
    return [one.text for one in news if one.fresh and one.job.version > known]


def _expired(watcher: ConnectionRow) -> bool:
    return bool(watcher.expires <= times.now())


def _post(watcher: ConnectionRow, text: str, patience: Patience) -> None:
    client, content = aws.connections(), text.encode()
    pauses: Sequence[float] = GREETING_PAUSES if watcher.told is None else ()
    for pause in pauses:
        try:
            client.post_to_connection(ConnectionId=watcher.connection_id, Data=content)
        except client.exceptions.GoneException:
            if not patience.wait(pause):
                raise
        else:
            return
    client.post_to_connection(ConnectionId=watcher.connection_id, Data=content)


def _remember(watcher: ConnectionRow, version: int) -> None:
    try:
        ConnectionRow.change(
            watcher.job_id,
            watcher.connection_id,
            actions=[ConnectionRow.told.set(version)],
            condition=ConnectionRow.connection_id.exists(),
        )
    except Refused:
        return


def _drop(watcher: ConnectionRow) -> None:
    """Forget a connection, and end it where it is still there."""
    try:
        aws.connections().delete_connection(ConnectionId=watcher.connection_id)
    except (BotoCoreError, ClientError):
        logger.debug("watcher.gone", job_id=watcher.job_id)
    try:
        watcher.delete()
    except BACKEND_ERRORS:
        logger.warning("watcher.kept", job_id=watcher.job_id)
