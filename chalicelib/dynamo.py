"""The one way to write DynamoDB: a single conditional write, whose refusal carries the item as it stands.

A botocore retry can turn a write that succeeded into a refusal (the first answer was lost, the second try finds
its own change). So every writer leaves something only it can know in the item, and on ``Refused`` looks for it in
``old``: DynamoDB returns that image with the refusal, at no extra cost.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute
from pynamodb.connection import TableConnection
from pynamodb.constants import NUMBER
from pynamodb.exceptions import PynamoDBException, VerboseClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from . import aws, times
from .errors import StorageFailed
from .settings import settings

# How often a batch is asked for what DynamoDB left out of its answer.
BATCH_TRIES = 5
BACKEND_ERRORS = (PynamoDBException, BotoCoreError, ClientError)


class TimeAttribute(Attribute[datetime]):
    """An aware datetime kept as a number of milliseconds, so that it sorts and compares."""

    attr_type = NUMBER

    def serialize(self, value: datetime) -> str:
        """Milliseconds since the epoch, as DynamoDB wants numbers: text."""
        return str(times.to_epoch_ms(value))

    def deserialize(self, value: str) -> datetime:
        """The aware datetime of that number."""
        return times.from_epoch_ms(int(value))


class IntegerAttribute(Attribute[int]):
    """A whole number; PynamoDB's own number is a float to a type checker."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """Decimal digits."""
        return str(value)

    def deserialize(self, value: str) -> int:
        """The number."""
        return int(value)


class Refused(Exception):
    """A condition did not hold; ``old`` is the item as it stands, or None where there is none."""

    def __init__(self, old: Any) -> None:  # noqa: ANN401  an instance of the table that was written
        super().__init__("condition failed")
        self.old = old


class Table(Model):
    """A table of ours: named by the settings' prefix, written conditionally, read strongly unless said otherwise."""

    class Meta:
        """PynamoDB's name for a table's settings."""

        table_name: ClassVar[str]

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """PynamoDB's connection, with the one client of this process instead of a client for each table."""
        known = cls._connection
        connection = super()._get_connection()
        if connection is not known:
            connection.connection._client = aws.dynamodb()  # noqa: SLF001  a client takes 60 ms to make
        return connection

    @classmethod
    def read(cls, hash_key: str, range_key: str | int | None = None) -> Self | None:
        """One strongly consistent read; None where there is no such item."""
        try:
            return cls.get(hash_key, range_key, consistent_read=True)
        except cls.DoesNotExist:
            return None
        except BACKEND_ERRORS as error:
            raise StorageFailed from error

    @classmethod
    def change(cls, *key: Any, actions: Sequence[Action], condition: Condition | None) -> Self:  # noqa: ANN401
        """One conditional UpdateItem; answers the item after it.

        Raises:
            Refused: the condition did not hold.
            StorageFailed: DynamoDB did not answer; the write may or may not have happened.
        """
        row = cls(*key)
        arguments = row.get_update_kwargs_from_instance(list(actions), condition, "ALL_OLD")
        data = cls.send("UpdateItem", {**arguments, "ReturnValues": "ALL_NEW"})
        row.deserialize(data["Attributes"])
        return row

    def put(self, condition: Condition | None = None) -> None:
        """One PutItem, conditional where a condition is given.

        Raises:
            Refused: the condition did not hold.
            StorageFailed: DynamoDB did not answer; the write may or may not have happened.
        """
        self.send("PutItem", self.get_save_kwargs_from_instance(condition, "ALL_OLD"))

    @classmethod
    def rows(cls, source: Iterable[Any]) -> Iterator[Self]:
        """The rows of a query or scan as they come, with the backend's failures translated."""
        try:
            yield from source
        except BACKEND_ERRORS as error:
            raise StorageFailed from error

    @classmethod
    def page(cls, source: Iterable[Any]) -> list[Self]:
        """All rows of a query or scan that is bounded by its caller."""
        return list(cls.rows(source))

    @classmethod
    def send(cls, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One call to DynamoDB, with its refusal and its failures translated."""
        try:
            return cls._get_connection().connection.dispatch(operation, arguments)
        except VerboseClientError as error:
            answer = getattr(error.__cause__, "response", {})
            if answer.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise StorageFailed from error
            raise Refused(cls._old(answer.get("Item"))) from error
        except BACKEND_ERRORS as error:
            raise StorageFailed from error

    @classmethod
    def _old(cls, item: dict[str, Any] | None) -> Self | None:
        return cls.from_raw_data(item) if item else None


def read_together(*wanted: tuple[type[Table], tuple[str, ...]]) -> list[Any]:
    """Items of several tables by one strongly consistent BatchGetItem; None for each that is not there.

    Args:
        wanted: tables with the key (hash, or hash and range) of the item; at most 100.
    """
    keys = [_key(table, key) for table, key in wanted]
    asked: dict[str, Any] = {}
    for (table, _), key in zip(wanted, keys, strict=True):
        asked.setdefault(table.Meta.table_name, {"ConsistentRead": True, "Keys": []})["Keys"].append(key)
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(BATCH_TRIES):
        answer = wanted[0][0].send("BatchGetItem", {"RequestItems": asked})
        for name, items in answer["Responses"].items():
            found.setdefault(name, []).extend(items)
        asked = answer.get("UnprocessedKeys") or {}
        if not asked:
            break
    else:
        raise StorageFailed
    return [_pick(table, key, found) for (table, _), key in zip(wanted, keys, strict=True)]


def _key(table: type[Table], values: tuple[str, ...]) -> dict[str, dict[str, str]]:
    names = [attribute.attr_name for attribute in table.get_attributes().values() if _is_key(attribute)]
    return {name: {"S": value} for name, value in zip(names, values, strict=True)}


def _is_key(attribute: Attribute[Any]) -> bool:
    return attribute.is_hash_key or attribute.is_range_key


def _pick(table: type[Table], key: dict[str, Any], found: dict[str, list[dict[str, Any]]]) -> Table | None:
    for item in found.get(table.Meta.table_name, ()):
        if all(item[name] == value for name, value in key.items()):
            return table.from_raw_data(item)
    return None


def named(table: str) -> str:
    """The full name of a table: the deployment's prefix and the table's own name."""
    return f"{settings().table_prefix}-{table}"


def expiry(moment: datetime) -> datetime:
    """A time for a TTL attribute, which DynamoDB wants in whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)
