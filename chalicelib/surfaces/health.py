"""Whether the service is up, for load balancers, for probes and for people."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from chalicelib import VERSION, times
from chalicelib.errors import NotReady
from chalicelib.readiness import readiness
from chalicelib.settings import settings

from .builds.errors import ErrorBody, envelope
from .callers import anyone
from .calls import Call
from .surface import Surface
from .vitals import vitals
from .wire import Moment

surface = Surface(__name__, envelope=envelope, error=ErrorBody, title="Service", about="The service itself.")

Word = Literal["healthy", "unhealthy"]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Health(_View):
    """That the service answers, and which deployment of which version it is."""

    status: Literal["healthy"]
    timestamp: Moment
    version: str
    service: Literal["claimcheck"]
    stage: str


class Probe(_View):
    """What a probe asks for."""

    status: Literal["ready", "alive"]
    timestamp: Moment


class Components(_View):
    """``database``, ``storage``, ``queues`` and ``security`` are DynamoDB, S3, SQS and KMS.

    ``api`` and ``cache`` are the answering process itself, and the settings and keys that it keeps in its memory.
    """

    api: Word
    database: Word
    storage: Word
    queues: Word
    cache: Word
    security: Word


class Metrics(_View):
    """Of the process that answers; there are as many as there are requests at a time."""

    uptime_seconds: int
    requests_total: int
    requests_per_second: float
    memory_percent: float
    cpu_percent: float


class SystemStatus(_View):
    """The service in some detail."""

    status: Literal["operational", "degraded"]
    timestamp: Moment
    version: str
    components: Components
    metrics: Metrics


@surface.on("GET", "/api/health", auth=anyone)
def health(call: Call) -> Health:  # noqa: ARG001  a route's form
    """That requests are answered; no dependency is asked."""
    return Health(
        status="healthy", timestamp=times.now(), version=VERSION, service="claimcheck", stage=settings().stage
    )


@surface.on("GET", "/api/health/ready", auth=anyone, raises=(NotReady,))
def readiness_probe(call: Call) -> Probe:  # noqa: ARG001  a route's form
    """Whether DynamoDB, S3, SQS and KMS answer, as it was found 5 seconds ago at most."""
    silent = [name for name, answers in readiness.check().items() if not answers]
    if silent:
        raise NotReady(f"no answer from: {', '.join(silent)}")
    return Probe(status="ready", timestamp=times.now())


@surface.on("GET", "/api/health/live", auth=anyone)
def liveness_probe(call: Call) -> Probe:  # noqa: ARG001  a route's form
    """That the process runs."""
    return Probe(status="alive", timestamp=times.now())


@surface.on("GET", "/api/health/status", auth=anyone)
def system_status(call: Call) -> SystemStatus:  # noqa: ARG001  a route's form
    """The service's components, and how the process that answers is doing."""
    found = readiness.check()
    words: dict[str, Word] = {name: "healthy" if answers else "unhealthy" for name, answers in found.items()}
    return SystemStatus(
        status="operational" if all(found.values()) else "degraded",
        timestamp=times.now(),
        version=VERSION,
        components=Components(api="healthy", cache="healthy", **words),
        metrics=Metrics(
            uptime_seconds=int(vitals.uptime_seconds),
            requests_total=vitals.answered,
            requests_per_second=vitals.requests_per_second,
            memory_percent=vitals.memory_percent,
            cpu_percent=vitals.cpu_percent,
        ),
    )
