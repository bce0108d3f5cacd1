"""WebSockets: who may watch a job. What they are told comes from the stream; see ``builds.live``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from chalice.app import Blueprint, Response, WebsocketAPI, WebsocketEvent

from chalicelib.accounts import bearer
from chalicelib.accounts.permissions import Permission
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import ClaimcheckError, InvalidToken, JobNotFound
from chalicelib.jobs.model import Kind
from chalicelib.telemetry import logger, start_trace

if TYPE_CHECKING:
    from chalicelib.surfaces.limits import Usage

triggers = Blueprint(__name__)
# Without it Chalice leaves a blueprint's WebSocket handlers as they are, and Lambda cannot call them.
triggers.websocket_api = WebsocketAPI()

MAX_TOKEN = 8192
_PERMISSIONS = {Kind.BUILD: Permission.BUILD_READ, Kind.ANALYSIS: Permission.ANALYSIS_READ}


class _Asked(NamedTuple):
    """What a handshake asks for; the contract's path as a query, since WebSocket APIs have no paths."""

    kind: Kind
    uuid: str
    token: str
    source_ip: str


@triggers.on_ws_connect(name="websocket_connect")
def websocket_connect(event: WebsocketEvent) -> Response:
    """Let a caller watch a job: whoever may read it. A refusal refuses the handshake."""
    # What it needs is of no use to the other functions.
    from chalicelib.surfaces.builds.surface import surface  # noqa: PLC0415
    from chalicelib.surfaces.limits import Usage  # noqa: PLC0415

    logger.thread_safe_clear_keys()
    start_trace(None)
    usage = Usage()
    try:
        _connect(event, usage)
    except ClaimcheckError as error:
        refusal = surface.refuse(error)
        refusal.headers.update(usage.headers)
        logger.info("websocket.refused", status=refusal.status_code, code=error.code)
        return refusal
    return Response(body="", status_code=200)


@triggers.on_ws_message(name="websocket_message")
def websocket_message(event: WebsocketEvent) -> None:
    """Nothing that a watcher says means anything; it keeps a connection awake that proxies would take for idle."""


def _connect(event: WebsocketEvent, usage: "Usage") -> None:
    from chalicelib.builds import jobs, live, words  # noqa: PLC0415  as above
    from chalicelib.surfaces.limits import BUILD_REQUESTS, of_address  # noqa: PLC0415

    asked = _asked(event.to_dict())
    try:
        caller = bearer.verify(asked.token)
    except InvalidToken:
        usage.count(of_address(asked.source_ip), BUILD_REQUESTS)
        raise
    usage.count(caller.principal, BUILD_REQUESTS)
    caller.must(_PERMISSIONS[asked.kind])
    job = jobs.visible(caller, asked.kind, words.job_id(asked.kind, asked.uuid))
    live.watch(job, event.connection_id, until=caller.expires)
    _log(caller, job.job_id)


def _asked(event: Mapping[str, Any]) -> _Asked:
    query = event.get("queryStringParameters") or {}
    kind, token = str(query.get("kind", "")), str(query.get("token", ""))
    if kind not in _PERMISSIONS:
        raise JobNotFound
    if not token or len(token) > MAX_TOKEN:
        raise InvalidToken
    source_ip = str(event["requestContext"].get("identity", {}).get("sourceIp", ""))
    return _Asked(Kind(kind), str(query.get("id", "")), token, source_ip)


def _log(caller: Identity, job_id: str) -> None:
    # Never the query: it has the token.
    logger.info("websocket.connected", actor=caller.principal, job_id=job_id)
