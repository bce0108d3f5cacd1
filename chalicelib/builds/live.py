"""Live progress: what the watchers of a job are told, in the order in which it happened.

All is told from the jobs table's stream, which has a job's changes in their order. A connection is noted in the table,
and then on the job; that change too comes through the stream, and there its watcher is greeted. So what a watcher is
greeted with and what follows can neither overtake each other nor leave a gap. A watcher that cannot be told something
is disconnected, and learns on coming back how the job stands.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws, times
from chalicelib.dynamo import BACKEND_ERRORS, Refused, expiry
from chalicelib.errors import StorageFailed
from chalicelib.jobs import lifecycle
from chalicelib.jobs.model import Job
from chalicelib.telemetry import logger

from . import messages, words
from .messages import News
from .tables import ConnectionRow

LONGEST = timedelta(hours=2)
"""How long API Gateway keeps a connection."""
AT_ONCE = 16
# An open connection may be said to be gone until its handshake is over.
GREETING_PAUSES = (0.1, 0.3, 0.9)


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


def tell(states: Sequence[Job]) -> None:
    """Tell the watchers of one job how it stands now; those who know some of the states, only of the later ones.

    Args:
        states: of the job, in the order in which they came.

    Raises:
        StorageFailed: who watches is not known.
    """
    watchers = ConnectionRow.page(ConnectionRow.query(states[0].job_id, consistent_read=True))
    if not watchers:
        return
    # Where somebody has begun to watch, a job has changed without getting on: its version is the same.
    news = [News(job) for job in {job.version: job for job in states}.values()]
    with ThreadPoolExecutor(min(AT_ONCE, len(watchers))) as threads:
        list(threads.map(lambda watcher: _tell(watcher, news), watchers))


def _tell(watcher: ConnectionRow, news: Sequence[News]) -> None:
    last = news[-1].job
    texts = _due(watcher, news)
    if texts is None:
        return
    try:
        for text in texts:
            _post(watcher, text)
        if not words.ended(last):
            _remember(watcher, last.version)
            return
    except (BotoCoreError, ClientError, StorageFailed) as error:
        # One of whom it is not known what they know would be told it twice.
        logger.info("watcher.lost", job_id=watcher.job_id, reason=type(error).__name__)
    _drop(watcher)


def _due(watcher: ConnectionRow, news: Sequence[News]) -> list[str] | None:
    """What a watcher is to be told; None for nothing at all."""
    if watcher.expires <= times.now():
        _drop(watcher)
        return None
    if watcher.told is None:
        # Who comes anew is told how things stand, not how they came to it.
        return [messages.connected(news[-1].job), news[-1].text]
    known = watcher.told
    return [one.text for one in news if one.job.version > known] or None


def _post(watcher: ConnectionRow, text: str) -> None:
    client, content = aws.connections(), text.encode()
    pauses: Sequence[float] = GREETING_PAUSES if watcher.told is None else ()
    for pause in pauses:
        try:
            client.post_to_connection(ConnectionId=watcher.connection_id, Data=content)
        except client.exceptions.GoneException:
            time.sleep(pause)
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
