"""Pipelines run by an outside service that speaks this contract without its ``/u/proxy``; see ``PipelineService``.

Whose a job is, is known here: the upstream sees one caller, us, to whom all of its jobs are open. So a user reaches
those alone that were made for them, by ids that the upstream has answered and never by ids that a caller has made up.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic.alias_generators import to_camel

from chalicelib import times
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import NotFound, UpstreamUnreachable
from chalicelib.idempotency import fingerprint, note, recall
from chalicelib.jobs.model import Kind
from chalicelib.outgoing import Received
from chalicelib.settings import settings
from chalicelib.telemetry import audit

from . import records, upstream_calls, upstream_events, words
from .answers import Lines, Report, Standing, Told, Verdict
from .jobs import DELIVERED
from .stream import END
from .upstream_calls import ask, checked, read, unusable
from .upstream_events import Heard
from .upstream_words import Created, Data, Detail, Files, Log, Outcome, Reported, State, Verified

MARKDOWN = "text/markdown"
EVENTS = "text/event-stream"


def has_made(user: Identity, job_id: str) -> bool:
    """Whether there is an upstream that has made a job for this user, in whose list it still is."""
    return settings().pipelines_url is not None and records.made_by(user.user_id, job_id) == upstream_calls.base()


def create(user: Identity, order: dict[str, Any], seed: str) -> str:
    """Have a pipeline created.

    Raises:
        UnsupportedNetwork: as the upstream has it.
    """
    key = fingerprint("upstream-pipeline", upstream_calls.base(), user.user_id, seed)
    if known := recall(key):
        return known
    told = read(Created, _of_service("POST", "/ai/pipeline", body=_camel(order), seed=seed))
    _add(user, told.job.id, "pipeline", **{name: order[name] for name in ("prompt", "filename", "network")})
    return note(key, told.job.id, instead_of=None)


def detail(user: Identity, job_id: str, *, lines: int | None, with_insights: bool) -> Told:
    """How a job stands, with as much of its log and result as the upstream tells."""
    query = {"includeMagical": "true"} if with_insights else None
    told = read(Detail, _of_job("GET", job_id, query=query))
    stands = checked(Data, told.data)
    _keep(user, job_id, stands, stands.result or Outcome())
    known = {"id": job_id, "status": stands.status, "progress": stands.progress, "logs": stands.logs[:lines]}
    return Told({**told.data, **known}, told.magical if with_insights else None)


def status(user: Identity, job_id: str) -> Standing:
    """How a job stands."""
    told = read(State, _of_job("GET", job_id, "/status"))
    _keep(user, job_id, told, Outcome())
    return Standing(told.status, told.progress)


def logs(user: Identity, job_id: str, *, after: int, limit: int) -> Lines:  # noqa: ARG001  see ``service_of``
    """Lines of a job's log."""
    told = read(Log, _of_job("GET", job_id, "/logs", query={"afterIndex": str(after)}))
    return Lines(told.logs[:limit], told.more or len(told.logs) > limit)


def events(user: Identity, job_id: str, *, after: int, last: str | None) -> str | None:  # noqa: ARG001  see ``service_of``
    """What comes of the upstream's stream; see ``upstream_events``."""
    if last == END:
        return None
    heard = Heard.of(last, after)
    query = {"afterIndex": str(heard.index)} if heard.theirs is None and heard.index >= 0 else None
    received = upstream_calls.listen(_path(job_id, "/logs/stream"), query=query, last=heard.theirs)
    if received.status == HTTPStatus.NO_CONTENT:
        return None
    if upstream_calls.media_type(received) != EVENTS:
        raise unusable("no stream of events")
    return upstream_events.passed_on(received.content, heard)


def artifacts(user: Identity, job_id: str, names: Sequence[str]) -> dict[str, Any]:  # noqa: ARG001  see ``service_of``
    """What a job has delivered, and the last reports on it."""
    path = f"/artifacts/{names[0]}" if len(names) == 1 else "/artifacts"
    told = read(Files, ask("GET", path, query={"jobId": job_id})).model_dump(include=set(names))
    if missing := [name for name in names if name in DELIVERED and told[name] is None]:
        raise unusable(f"no {missing[0]}")
    return {name: told[name] for name in names}


def verify_job(user: Identity, job_id: str, network: str | None, name: str | None, seed: str) -> Verdict:
    """Have the contract that a job has deployed compared with its source."""
    body = _camel({"job_id": job_id, "network": network, "fully_qualified_name": name})
    verdict = _verdict(user, ask("POST", "/verify/byJob", body=body, seed=seed))
    if verdict.verified:
        records.refresh(user.user_id, job_id, _known({"verified": True, "explorer_url": verdict.explorer_url}))
    return verdict


def verify_address(user: Identity, told: dict[str, Any], seed: str) -> Verdict:
    """Have a deployed contract compared with a source."""
    return _verdict(user, _of_service("POST", "/verify/byAddress", body=_camel(told), seed=seed))


def verification(network: str, address: str) -> Verdict:
    """Whether the upstream has verified a contract."""
    told = read(Verified, _of_service("GET", "/verify/status", query={"address": address, "network": network}))
    if told.verified is None:
        raise unusable("no verdict")
    return Verdict(told.verified, told.explorer_url, told.reason)


def examine(user: Identity, kind: Kind, job_id: str, order: dict[str, Any], seed: str, *, markdown: bool) -> Report:
    """Have a job's contract audited, or its compliance checked."""
    body = _camel({"job_id": job_id, **order})
    received = ask("POST", f"/{kind}/byJob", body=body, seed=seed, accept=MARKDOWN if markdown else upstream_calls.JSON)
    if markdown and upstream_calls.media_type(received) == MARKDOWN:
        return Report(None, received.content.decode("utf-8", "replace"))
    told = read(Reported, received)
    if told.report is not None:
        return Report(told.report)
    return Report(None, job_id=_later(user, told, kind))


def cancel(user: Identity, job_id: str) -> None:
    """Cancel a job that has not ended, where the upstream can do that."""
    _of_job("DELETE", job_id)
    audit("job.cancelled", actor=user.principal, job_id=job_id)


def _of_job(method: str, job_id: str, what: str = "", *, query: dict[str, str] | None = None) -> Received:
    return ask(method, _path(job_id, what), query=query)


def _path(job_id: str, what: str) -> str:
    return f"/job/{quote(job_id, safe='')}{what}"


def _of_service(method: str, path: str, **more: Any) -> Received:  # noqa: ANN401  see ``ask``
    """Where no job is named, there is nothing that could be missing but the upstream itself."""
    try:
        return ask(method, path, **more)
    except NotFound as error:
        raise UpstreamUnreachable from error


def _verdict(user: Identity, received: Received) -> Verdict:
    told = read(Verified, received)
    if told.verified is not None:
        return Verdict(told.verified, told.explorer_url, told.reason)
    return Verdict(None, job_id=_later(user, told, Kind.VERIFY))


def _later(user: Identity, told: Verified | Reported, kind: Kind) -> str:
    """The id of the job that an answer is to be expected from."""
    if told.job is None:
        raise unusable(f"neither an answer nor a job: {kind}")
    _add(user, told.job.id, kind)
    return told.job.id


def _add(user: Identity, job_id: str, type: str, **told: Any) -> None:  # noqa: A002, ANN401  see ``records.add``
    if records.add_made(user.user_id, job_id, upstream_calls.base(), type=type, **told).own:
        raise unusable("the id of a job that is run here")
    audit("job.created", actor=user.principal, job_id=job_id)


def _keep(user: Identity, job_id: str, stands: State, outcome: Outcome) -> None:
    """Bring the user's list up to date."""
    told = {"state": stands.status, "progress": stands.progress, **outcome.cached()}
    ended = {"completed_at": times.iso(times.now())} if stands.status in words.ENDED else {}
    records.refresh(user.user_id, job_id, told, once=ended)


def _known(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _camel(told: dict[str, Any]) -> dict[str, Any]:
    return {to_camel(name): value for name, value in _known(told).items()}
