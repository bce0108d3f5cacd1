"""DynamoDB calls and the capacity they consumed, as DynamoDB itself reports it (``ReturnConsumedCapacity=INDEXES``)."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from .boundary import Answer, AwsCall, intercepted, own_threads_only

WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"})
READS = frozenset({"GetItem", "Query", "Scan", "BatchGetItem"})
REFUSED = "ConditionalCheckFailedException"


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """One call and its units, those of indexes included; ``refused`` where its condition did not hold."""

    operation: str
    table: str
    index: str | None
    units: float
    refused: bool = False

    @property
    def name(self) -> str:
        """``UpdateItem jobs``, ``Query jobs/agenda``."""
        return f"{self.operation} {self.table}" + (f"/{self.index}" if self.index else "")


@dataclass(slots=True)
class Tally:
    """The calls of a stretch of work, in order."""

    calls: list[Spent] = field(default_factory=list)

    @property
    def write_units(self) -> float:
        """Capacity of all writes, refused ones too."""
        return sum(call.units for call in self.calls if call.operation in WRITES)

    @property
    def read_units(self) -> float:
        """Capacity of all reads."""
        return sum(call.units for call in self.calls if call.operation in READS)

    @property
    def refused(self) -> int:
        """How many writes failed their condition."""
        return sum(call.refused for call in self.calls)

    @property
    def names(self) -> Counter[str]:
        """How often each operation was called on each table."""
        return Counter(call.name for call in self.calls)

    def __str__(self) -> str:
        return f"{len(self.calls)} calls, {self.write_units:g} write units, {self.read_units:g} read units"


@contextmanager
def counted() -> Iterator[Tally]:
    """Count every DynamoDB call of this process, whichever thread makes it."""
    tally = Tally()

    def count(call: AwsCall) -> Answer:
        if call.service != "dynamodb" or call.operation not in WRITES | READS:
            return call.proceed()
        try:
            answer = call.proceed(ReturnConsumedCapacity="INDEXES")
        except ClientError as error:
            if error.response["Error"]["Code"] == REFUSED:
                # No capacity is reported with a refusal; it is charged as the write of the item as it stands,
                # without the indexes, and every item that is written conditionally here is under 1 KB.
                tally.calls.append(_spent(call, 1.0, refused=True))
            raise
        tally.calls.append(_spent(call, _units(answer)))
        return answer

    with intercepted(own_threads_only(count)):
        yield tally


def _spent(call: AwsCall, units: float, *, refused: bool = False) -> Spent:
    index = call.arguments.get("IndexName")
    return Spent(operation=call.operation, table=call.table, index=index, units=units, refused=refused)


def _units(answer: Answer) -> float:
    consumed: Any = answer.get("ConsumedCapacity", [])
    parts = consumed if isinstance(consumed, list) else [consumed]
    return sum(float(part["CapacityUnits"]) for part in parts)
