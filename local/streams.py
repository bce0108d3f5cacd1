"""Lambda's event source for DynamoDB streams: reads what tables have written and hands it to the app's handlers."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from .delivery import Delivery, Record

BATCH = 100
# A stream that cannot tell us of a record is asked again after a pause that doubles from the first to the last of
# these, and starts again from the first whenever something happened here that may have written.
FIRST_PAUSE = 0.02
LAST_PAUSE = 0.5
# Records that come within this time of each other go in one batch.
GATHER_SECONDS = 0.005
RETRY_SECONDS = 1.0
# How often a stream is asked for shards that have appeared.
_SHARD_ROUNDS = 500

log = logging.getLogger("local.streams")


@dataclass(kw_only=True)
class Shard:
    """How far one shard has been read; ``iterator`` is None once it has been read to its end."""

    stream_arn: str
    shard_id: str
    parent_id: str | None
    iterator: str | None
    last: str | None = None


@dataclass(kw_only=True)
class Stream:
    """A table's stream and who is told of its records."""

    arn: str
    delivery: Delivery
    shards: dict[str, Shard] = field(default_factory=dict)


class StreamPump:
    """Reads streams in a thread of its own, each shard in order, from the oldest record that is still there.

    ``announced`` says that ``nudge`` is called after every record, so that nothing needs to be asked for in between;
    without it a ``nudge`` only shortens the wait.
    """

    def __init__(self, client: Any, streams: Sequence[Stream], *, announced: bool) -> None:  # noqa: ANN401  botocore
        self._client = client
        self._streams = streams
        self._announced = announced
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._rounds = 0
        self._turn = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the batch that is being delivered."""
        self._stopped.set()
        self._woken.set()
        self._thread.join(timeout=10)

    def nudge(self) -> None:
        """Something may have been written: look now."""
        self._woken.set()

    def drain(self) -> int:
        """Deliver, in this thread, all there is, and what its handlers write meanwhile; answers how many records."""
        total = 0
        with self._turn:
            while delivered := self._round():
                total += delivered
        return total

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            woken = self._woken.wait(None if self._announced else pause)
            self._stopped.wait(GATHER_SECONDS)
            self._woken.clear()
            busy = not self._stopped.is_set() and self._drain_safely() > 0
            pause = FIRST_PAUSE if woken or busy else min(pause * 2, LAST_PAUSE)

    def _drain_safely(self) -> int:
        try:
            return self.drain()
        except Exception as error:  # noqa: BLE001  the thread outlives an engine that is restarted
            log.warning("a stream could not be read and is tried again: %r", error)
            self._stopped.wait(RETRY_SECONDS)
            self._woken.set()
            return 0

    def _round(self) -> int:
        if self._rounds % _SHARD_ROUNDS == 0:
            self._find_shards()
        self._rounds += 1
        return sum(
            self._read(stream, shard)
            for stream in self._streams
            for shard in list(stream.shards.values())
            if shard.iterator and self._after_parent(stream, shard)
        )

    @staticmethod
    def _after_parent(stream: Stream, shard: Shard) -> bool:
        parent = stream.shards.get(shard.parent_id or "")
        return parent is None or parent.iterator is None

    def _read(self, stream: Stream, shard: Shard) -> int:
        try:
            page = self._client.get_records(ShardIterator=shard.iterator, Limit=BATCH)
        except ClientError as error:
            self._recover(shard, error)
            return 0
        records: list[Record] = page["Records"]
        if records:
            stream.delivery.deliver(records)
            shard.last = records[-1]["dynamodb"]["SequenceNumber"]
        shard.iterator = page.get("NextShardIterator")
        if shard.iterator is None:
            self._find_shards()
        return len(records)

    def _recover(self, shard: Shard, error: ClientError) -> None:
        code = error.response["Error"]["Code"]
        if code == "TrimmedDataAccessException":
            shard.last = None
        elif code != "ExpiredIteratorException":
            raise error
        shard.iterator = self._iterator(shard)

    def _find_shards(self) -> None:
        for stream in self._streams:
            for found in self._describe(stream.arn):
                if found["ShardId"] not in stream.shards:
                    stream.shards[found["ShardId"]] = self._open(stream.arn, found)

    def _open(self, arn: str, found: dict[str, Any]) -> Shard:
        shard = Shard(stream_arn=arn, shard_id=found["ShardId"], parent_id=found.get("ParentShardId"), iterator=None)
        shard.iterator = self._iterator(shard)
        return shard

    def _iterator(self, shard: Shard) -> str:
        where = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard.last:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": shard.last}
        answer = self._client.get_shard_iterator(StreamArn=shard.stream_arn, ShardId=shard.shard_id, **where)
        iterator: str = answer["ShardIterator"]
        return iterator

    def _describe(self, arn: str) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            description = self._client.describe_stream(StreamArn=arn, **after)["StreamDescription"]
            shards += description["Shards"]
            if "LastEvaluatedShardId" not in description:
                return shards
            after = {"ExclusiveStartShardId": description["LastEvaluatedShardId"]}


def stream_arns(client: Any, tables: Sequence[str]) -> dict[str, str]:  # noqa: ANN401  a client of botocore
    """The streams of those tables that have one, by table."""
    described = {table: client.describe_table(TableName=table)["Table"] for table in tables}
    return {table: found["LatestStreamArn"] for table, found in described.items() if found.get("LatestStreamArn")}
