"""The local cloud over AWS's own engine, where Java can run it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from local import dynamodb_local as harness
from tests.local.toy import Toy

NewToy = Callable[..., AbstractContextManager[Toy]]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    try:
        running = harness.dynamodb_local()
        where = running.__enter__()
    except harness.DynamoDBLocalUnavailable as error:
        pytest.skip(str(error))
    yield where
    running.__exit__(None, None, None)


@pytest.fixture(scope="module")
def toy(endpoint: str, new_toy: NewToy) -> Iterator[Toy]:
    with new_toy(AWS_ENDPOINT_URL_DYNAMODB=endpoint) as running:
        yield running


@pytest.fixture(scope="module")
def dynamodb(endpoint: str) -> Any:
    return botocore.session.Session().create_client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def test_streams_have_their_effects_in_order(toy: Toy) -> None:
    for _ in range(20):
        toy.request("POST", "/count/streamed").raise_for_status()
    toy.call("drain")
    assert toy.get("/echoes/streamed")["echoes"] == list(range(1, 21))


def test_other_services_stay_embedded(toy: Toy) -> None:
    assert toy.get("/secret/text") == {"same": True}


def test_tables_are_in_the_engine_with_ttl_and_stream(toy: Toy, dynamodb: Any) -> None:
    assert toy.url
    table = dynamodb.describe_table(TableName="toy-things")["Table"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    lifetime = dynamodb.describe_time_to_live(TableName="toy-things")["TimeToLiveDescription"]
    assert lifetime == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_conditional_write_has_one_winner(toy: Toy) -> None:
    assert toy.request("POST", "/races/30").json()["winners"] == [1] * 30


def test_engine_says_what_a_write_consumed_and_why_it_was_refused(toy: Toy, dynamodb: Any) -> None:
    assert toy.url
    item = {"key": {"S": "capacity"}, "data": {"B": b"x" * 1500}}
    written = dynamodb.put_item(TableName="toy-things", Item=item, ReturnConsumedCapacity="INDEXES")
    assert written["ConsumedCapacity"]["Table"]["CapacityUnits"] == 2
    with pytest.raises(ClientError) as refused:
        dynamodb.put_item(
            TableName="toy-things",
            Item=item,
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "key"},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Item"] == item


def test_missing_java_is_said_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(harness.DynamoDBLocalUnavailable, match="no `java`"), harness.dynamodb_local():
        pass


def test_missing_maven_is_said_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(harness.DynamoDBLocalUnavailable, match="no `mvn`"):
        harness.fetch()
