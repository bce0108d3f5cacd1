"""The tables, from the models that the code reads and writes them with."""

from collections.abc import Iterable
from typing import Any

from chalicelib.accounts.tables import LimitRow
from chalicelib.dynamo import Table
from chalicelib.idempotency import KeyRow
from chalicelib.settings import settings
from chalicelib.storage import MODELS

from .stages import Stage

# What they hold is of no use after minutes, or a day: nobody would want it back.
PASSING: tuple[type[Table], ...] = (LimitRow, KeyRow)

Resource = dict[str, Any]
# Kept when the stack goes, but not when its very creation failed: what nobody has used yet would only be in the way.
KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
DROPPED = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}

_HASH_FIRST = {"HASH": 0, "RANGE": 1}


def short_name(model: type[Table]) -> str:
    """A table's name without the deployment's prefix, such as ``jobs``."""
    return model.Meta.table_name.removeprefix(f"{settings().table_prefix}-")


def logical_id(model: type[Table]) -> str:
    """A table's name in the template, such as ``JobsTable`` or ``WebhookDeliveriesTable``."""
    return f"{short_name(model).title().replace('-', '')}Table"


def resources(stage: Stage) -> dict[str, Resource]:
    """Every table, by its logical id."""
    return {logical_id(model): _table(model, stage) for model in MODELS}


def _table(model: type[Table], stage: Stage) -> Resource:
    properties = {
        "TableName": f"{stage.prefix}-{short_name(model)}",
        "BillingMode": "PAY_PER_REQUEST",
        "SSESpecification": {"SSEEnabled": True},
        **_schema(model),
        **_stream(model),
        **_time_to_live(model),
    }
    if model in PASSING:
        return {"Type": "AWS::DynamoDB::Table", **DROPPED, "Properties": properties}
    return {"Type": "AWS::DynamoDB::Table", **KEPT, "Properties": {**properties, **_PROTECTED}}


_PROTECTED = {
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "DeletionProtectionEnabled": {"Ref": "DeletionProtection"},
}


_INDEXES = {
    "GlobalSecondaryIndexes": "global_secondary_indexes",
    "LocalSecondaryIndexes": "local_secondary_indexes",
}


def _schema(model: type[Table]) -> dict[str, Any]:
    # What PynamoDB itself would create the table by.
    schema: Any = model._get_schema()  # noqa: SLF001
    made: dict[str, Any] = {
        "AttributeDefinitions": sorted(schema["attribute_definitions"], key=lambda each: str(each["AttributeName"])),
        "KeySchema": _keys(schema["key_schema"]),
    }
    for name, kind in _INDEXES.items():
        if indexes := [_index(each) for each in schema[kind]]:
            made[name] = indexes
    return made


def _index(index: dict[str, Any]) -> dict[str, Any]:
    return {
        "IndexName": index["index_name"],
        "KeySchema": _keys(index["key_schema"]),
        "Projection": index["projection"],
    }


def _keys(keys: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    # PynamoDB lists them by name; DynamoDB takes the hash key first only.
    return sorted(keys, key=lambda key: _HASH_FIRST[key["KeyType"]])


def _stream(model: type[Table]) -> dict[str, Any]:
    view = getattr(model.Meta, "stream_view_type", None)
    return {"StreamSpecification": {"StreamViewType": view}} if view else {}


def _time_to_live(model: type[Table]) -> dict[str, Any]:
    attribute: Any = model._ttl_attribute()  # type: ignore[no-untyped-call]  # noqa: SLF001
    if attribute is None:
        return {}
    return {"TimeToLiveSpecification": {"AttributeName": attribute.attr_name, "Enabled": True}}
