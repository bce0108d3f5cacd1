"""A small Chalice app to try the local cloud with: a stream, queues, a bucket, a schedule, WebSockets, odd answers."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from chalice.app import (
    Blueprint,
    Chalice,
    CloudWatchEvent,
    DynamoDBEvent,
    Rate,
    Response,
    SQSEvent,
    WebsocketAPI,
    WebsocketEvent,
)
from pynamodb.attributes import BinaryAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.models import Model

from chalicelib.settings import settings


class Thing(Model):
    class Meta:
        table_name = "toy-things"
        stream_view_type = "NEW_AND_OLD_IMAGES"

    key = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(default=0)
    data = BinaryAttribute(null=True, legacy_encoding=False)
    expires = TTLAttribute(null=True)


class Echo(Model):
    class Meta:
        table_name = "toy-echoes"

    key = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)
    data = BinaryAttribute(null=True, legacy_encoding=False)


MODELS = (Thing, Echo)

app = Chalice(app_name="toy", configure_logs=False)
triggers = Blueprint(__name__)
# Without it a blueprint's WebSocket handlers stay what was decorated, which Lambda cannot call.
triggers.websocket_api = WebsocketAPI()
poison: dict[str, int] = {}
deliveries: list[list[tuple[str, Any, Any]]] = []
sweeps: list[str] = []


@triggers.on_dynamodb_record(stream_arn="arn:aws:dynamodb:us-east-1:123456789012:table/things/stream/stand-in")
def stream(event: DynamoDBEvent) -> None:
    records = list(event)
    for record in records:
        left = poison.get(record.keys["key"]["S"], 0)
        if left:
            poison[record.keys["key"]["S"]] = left - 1
            message = "poisoned"
            raise RuntimeError(message)
    deliveries.append([(each.event_name, each.keys["key"]["S"], each.new_image) for each in records])
    for record in records:
        if record.new_image:
            Echo(record.keys["key"]["S"], int(record.new_image["number"]["N"])).save()


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a queue's handler: its event, and what its context said."""

    event: dict[str, Any]
    request_id: str
    milliseconds: int
    thread: str


class Killed(BaseException):
    """What no handler expects."""


calls: list[Call] = []
running: list[str] = []
most_running = 0
counting = threading.Lock()


@triggers.on_sqs_message(queue="toy-work", batch_size=1, name="work")
def work(event: SQSEvent) -> None:
    """A body says what to do: ``sleep <seconds>``, ``fail <times> <key>``, ``kill <times> <key>``, ``write <key>``."""
    global most_running  # noqa: PLW0603  what the test asks for
    note(event)
    for record in event:
        word, *rest = record.body.split()
        with counting:
            running.append(record.body)
            most_running = max(most_running, len(running))
        try:
            act(word, rest)
        finally:
            with counting:
                running.remove(record.body)


def act(word: str, rest: list[str]) -> None:
    if word == "sleep":
        time.sleep(float(rest[0]))
    elif word in {"fail", "kill"} and poison.setdefault(rest[1], int(rest[0])):
        poison[rest[1]] -= 1
        raise (RuntimeError if word == "fail" else Killed)(word)
    elif word == "write":
        Thing(rest[0]).update(actions=[Thing.number.add(1)])


@triggers.on_sqs_message(queue="claimcheck-uploads", batch_size=10, name="uploads")
def uploads(event: SQSEvent) -> None:
    note(event)


@triggers.on_sqs_message(queue="claimcheck-webhooks", batch_size=1, name="webhooks")
def webhooks(event: SQSEvent) -> None:
    note(event)


def note(event: SQSEvent) -> None:
    context: Any = event.context
    left = context.get_remaining_time_in_millis()
    calls.append(
        Call(
            event=event.to_dict(),
            request_id=context.aws_request_id,
            milliseconds=left,
            thread=threading.current_thread().name,
        )
    )


@triggers.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(event: CloudWatchEvent) -> None:
    sweeps.append(event.time)


sockets: list[dict[str, Any]] = []


@triggers.on_ws_connect()
def websocket_connect(event: WebsocketEvent) -> Response | None:
    """The id says what to do: refuse with its status, ``crash``, tell itself something too ``early``, or nothing."""
    note_socket(event)
    asked = event.to_dict()["queryStringParameters"]["id"]
    if asked == "crash":
        raise RuntimeError(asked)
    if asked == "early":
        try:
            tell(event, "too early")
        except ClientError as error:
            return Response({"early": error.response["Error"]["Code"]}, status_code=409)
    return Response({"no": asked}, {"X-Why": "toy"}, int(asked)) if asked.isdecimal() else None


@triggers.on_ws_message()
def websocket_message(event: WebsocketEvent) -> None:
    """A message is told back; ``who`` is answered with the connection's id."""
    note_socket(event)
    if event.body == "crash":
        raise RuntimeError(event.body)
    tell(event, event.connection_id if event.body == "who" else event.body)


@triggers.on_ws_disconnect()
def websocket_disconnect(event: WebsocketEvent) -> None:
    note_socket(event)


def note_socket(event: WebsocketEvent) -> None:
    noted = event.to_dict()
    sockets.append({**noted, "body": noted.get("body", "")[:100]})


@cache
def client_at(endpoint: str) -> Any:
    return botocore.session.Session().create_client("apigatewaymanagementapi", endpoint_url=endpoint)


def tell(event: WebsocketEvent, text: str) -> None:
    client = client_at(os.environ["CLAIMCHECK_WEBSOCKET_ENDPOINT"])
    client.post_to_connection(ConnectionId=event.connection_id, Data=text.encode())


app.register_blueprint(triggers)


@app.route("/")
def index() -> dict[str, str]:
    return {"route": "/"}


@app.route("/api/{kind}/{name}", methods=["GET"])
def by_kind(kind: str, name: str) -> dict[str, str]:
    return {"route": "/api/{kind}/{name}", "kind": kind, "name": name}


@app.route("/api/things/{name}", methods=["GET", "DELETE"])
def by_name(name: str) -> dict[str, str]:
    return {"route": "/api/things/{name}", "name": name}


@app.route("/api/things/special", methods=["GET"])
def special() -> dict[str, str]:
    return {"route": "/api/things/special"}


@app.route("/event", methods=["GET", "POST", "PUT"], content_types=["application/json", "application/octet-stream"])
def event() -> object:
    return app.current_request.to_original_event() if app.current_request else None


@app.route("/own/{token}")
def own(token: str) -> dict[str, Any]:
    time.sleep(0.01)
    request = app.current_request
    assert request
    return {"sent": token, "seen": (request.uri_params or {})["token"], "thread": threading.get_ident()}


@app.route("/cookies")
def cookies() -> Response:
    headers: dict[str, Any] = {"Set-Cookie": ["a=1; Path=/", "b=2; Path=/"], "Vary": "Origin"}
    return Response({"ok": True}, headers=headers)


@app.route("/status/{code}")
def status(code: str) -> Response:
    return Response("", status_code=int(code), headers={"ETag": '"x"'})


@app.route("/binary")
def binary() -> Response:
    return Response(bytes(range(256)), headers={"Content-Type": "application/octet-stream"})


@app.route("/crash/{how}")
def crash(how: str) -> object:
    if how == "view":
        raise RuntimeError(how)
    return Response({"a": 1}, headers={"X-Bad": "a\rb"}) if how == "header" else {"bad": {1, 2}}


@app.route("/slow/{milliseconds}")
def slow(milliseconds: str) -> dict[str, str]:
    time.sleep(int(milliseconds) / 1000)
    return {"slept": milliseconds}


@app.route("/count/{key}", methods=["POST"])
def count(key: str) -> dict[str, float]:
    started = time.time()
    Thing(key).update(actions=[Thing.number.add(1), Thing.data.set(b"\0\1")])
    return {"written": started}


@app.route("/races/{rounds}", methods=["POST"])
def races(rounds: str) -> dict[str, list[int]]:
    """How many of 16 threads take each key, for which all of them start at once."""
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as pool:
            return {"winners": [sum(pool.map(take, [f"race{number}"] * 16)) for number in range(int(rounds))]}
    finally:
        sys.setswitchinterval(switching)


def take(key: str) -> bool:
    try:
        Echo(key, 0).update(actions=[Echo.data.set(b"taken")], condition=Echo.data.does_not_exist())
    except UpdateError:
        return False
    return True


@app.route("/echoes/{key}")
def echoes(key: str) -> dict[str, Any]:
    return {"echoes": [int(each.number) for each in Echo.query(key, consistent_read=True)]}


@app.route("/upload/{name}")
def upload(name: str) -> dict[str, str]:
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = botocore.session.Session().create_client("s3", config=config)
    where = {"Bucket": settings().bucket, "Key": unquote(name)}
    return {
        "put": s3.generate_presigned_url("put_object", Params=where),
        "get": s3.generate_presigned_url("get_object", Params=where),
    }


@app.route("/uploads/{name}", methods=["POST"])
def upload_in_parts(name: str) -> dict[str, str]:
    s3 = botocore.session.Session().create_client("s3")
    where = {"Bucket": settings().bucket, "Key": f"input/{name}"}
    started = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=started, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    return {"etag": s3.complete_multipart_upload(**where, UploadId=started, MultipartUpload=parts)["ETag"]}


@app.route("/secret/{text}")
def secret(text: str) -> dict[str, bool]:
    kms = botocore.session.Session().create_client("kms")
    sealed = kms.encrypt(KeyId=settings().kms_key_id, Plaintext=text.encode())["CiphertextBlob"]
    return {"same": kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == text.encode()}
