"""The errors of a route: those that follow from what it declares, in its contract's envelope."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from chalicelib import errors
from chalicelib.errors import ClaimcheckError
from chalicelib.jobs.model import State
from chalicelib.surfaces import problems
from chalicelib.surfaces.calls import IDEMPOTENCY_KEY
from chalicelib.surfaces.surface import Envelope, Route, Surface

from .vocabulary import TRACEPARENT

_STEADY = {"timestamp": "2026-01-02T03:04:05.678Z", "trace_id": TRACEPARENT.split("-")[1]}


_MISSING: dict[str, type[ClaimcheckError]] = {
    "project_id": errors.ProjectNotFound,
    "chat_id": errors.ChatNotFound,
    "job_id": errors.JobNotFound,
    "artifact_id": errors.ArtifactNotFound,
    "agent_id": errors.AgentNotFound,
    "email": errors.UserNotFound,
    "type": errors.SecretNotFound,
}
_READING = {"GET", "HEAD"}


@dataclass(frozen=True)
class Refusal:
    """A kind of error in the words of a contract."""

    kind: type[ClaimcheckError]
    envelope: Envelope

    @property
    def name(self) -> str:
        """Of the example: whose words, and which error."""
        owner = self.envelope.__module__.removeprefix("chalicelib.surfaces.").split(".")[0]
        return f"{owner.capitalize()}{self.kind.__name__}"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.envelope(example(self.kind))[0])

    @property
    def body(self) -> Any:  # noqa: ANN401  JSON of that contract
        """An example; the time and the trace in it are always the same."""
        return _steady(self.envelope(example(self.kind))[1])


def _steady(body: Any) -> Any:  # noqa: ANN401  JSON
    if not isinstance(body, dict):
        return body
    return {name: _STEADY[name] if name in _STEADY else _steady(value) for name, value in body.items()}


def of_route(surface: Surface, route: Route) -> dict[int, list[Refusal]]:
    """What a route may refuse with, by status, in the order of the codes."""
    kinds = sorted({*_following(route), *route.raises}, key=lambda kind: (kind.code, kind.__name__))
    found: dict[int, list[Refusal]] = {}
    for refusal in (Refusal(kind, envelope) for kind in kinds for envelope in surface.speaks):
        found.setdefault(refusal.status, []).append(refusal)
    return dict(sorted(found.items()))


def example(kind: type[ClaimcheckError]) -> ClaimcheckError:
    """An error of that kind, with the details that its envelope needs."""
    if kind is errors.TooManyRequests:
        return errors.TooManyRequests(retry_after=23)
    if kind is errors.InvalidStateTransition:
        return kind(state=State.COMPLETED, requested=State.RUNNING, legal=[State.READY])
    if kind in {errors.InvalidRequest, errors.InvalidShape}:
        return kind("name: Field required", field="name", problems=[{"field": "name", "message": "Field required"}])
    return kind()


def meaning(kind: type[ClaimcheckError]) -> str:
    """What is wrong, in words that hold for every error of the kind."""
    return " ".join((kind.__doc__ or "").split())


def description(status: int, refusals: Iterable[Refusal]) -> str:
    """The status in words, and what each of its codes means."""
    told = {refusal.kind.code: meaning(refusal.kind) for refusal in refusals}
    lines = [f"- `{code}`: {message}" for code, message in told.items()]
    return "\n".join([f"{HTTPStatus(status).phrase}.", "", *lines])


def _following(route: Route) -> list[type[ClaimcheckError]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    kinds: list[type[ClaimcheckError]] = [_MISSING.get(name, errors.NotFound) for name in names]
    if names:
        kinds.append(problems.PathNotFound)
    if route.body or route.query or route.takes:
        kinds.append(errors.InvalidRequest)
    if IDEMPOTENCY_KEY in route.takes:
        kinds.append(errors.IdempotencyKeyReused)
    if route.body:
        kinds += [errors.TooLarge, problems.UnsupportedMediaType]
    if route.auth.security:
        kinds += [errors.Unauthenticated, errors.InvalidToken]
        if ("bearer",) in route.auth.security:
            kinds.append(errors.Forbidden)
        if route.method not in _READING:
            kinds.append(errors.Conflict)
    # The gateway throttles every route.
    return [*kinds, errors.TooManyRequests, errors.StorageFailed]
