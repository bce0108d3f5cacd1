"""Whether the service is up: a plain answer, for load balancers and for people."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from chalicelib.settings import settings

from .agents.errors import ErrorBody, envelope
from .callers import anyone
from .calls import Call
from .surface import Surface

surface = Surface(__name__, envelope=envelope, error=ErrorBody, title="Service", about="The service itself.")


class Health(BaseModel):
    """That the service answers, and which deployment it is."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    status: Literal["ok"]
    service: Literal["claimcheck"]
    stage: str


@surface.on("GET", "/api/health", auth=anyone)
def health(call: Call) -> Health:  # noqa: ARG001  a route's form
    """That requests are answered; no dependency is asked."""
    return Health(status="ok", service="claimcheck", stage=settings().stage)
