"""Whether the service is up: a plain answer, for load balancers and for people."""

from chalicelib.settings import settings

from .agents.errors import envelope
from .callers import anyone
from .calls import Call
from .surface import Surface

surface = Surface(__name__, envelope=envelope)


@surface.on("GET", "/api/health", auth=anyone)
def health(call: Call) -> dict[str, str]:  # noqa: ARG001  a route's form
    """That requests are answered; no dependency is asked."""
    return {"status": "ok", "service": "claimcheck", "stage": settings().stage}
