"""Limits of a contract, per caller and window of time, and the headers that tell the caller how it stands."""

from dataclasses import dataclass, field

from chalicelib.accounts import limits
from chalicelib.settings import settings

MINUTE, QUARTER_HOUR = 60, 900
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many calls in a window: ``name`` is what is counted, ``setting`` the setting that says how many."""

    name: str
    setting: str
    seconds: int = MINUTE

    @property
    def calls(self) -> int:
        """The limit of this deployment."""
        return int(getattr(settings(), self.setting))


BUILD_REQUESTS = Limit("builds", "build_requests_per_minute")
BUILD_CREATIONS = Limit("build-creations", "build_creations_per_minute")
ANALYSIS_CREATIONS = Limit("analysis-creations", "analysis_creations_per_minute")
PIPELINE_CREATIONS = Limit("pipelines", "pipeline_creations_per_quarter_hour", QUARTER_HOUR)
PIPELINE_READS = Limit("pipeline-reads", "pipeline_reads_per_quarter_hour", QUARTER_HOUR)
PIPELINE_STREAMS = Limit("pipeline-streams", "pipeline_streams_per_quarter_hour", QUARTER_HOUR)
PIPELINE_VERIFICATIONS = Limit("verifications", "pipeline_verifications_per_quarter_hour", QUARTER_HOUR)
EVALUATION_REQUESTS = Limit("evaluations", "evaluation_requests_per_minute")
EVALUATION_SUBMISSIONS = Limit("evaluation-submissions", "evaluation_submissions_per_minute")
WEBHOOK_SENDS = Limit("webhook-sends", "webhook_sends_per_minute")


def of_address(source_ip: str) -> str:
    """Whose count it is where nobody is known, or where an address has one of its own."""
    return f"address:{source_ip}"


@dataclass(slots=True)
class Usage:
    """What one request has used up of its caller's limits; its answer tells of the one that is nearest to its end."""

    windows: list[limits.Window] = field(default_factory=list)

    def count(self, who: str, *counted: Limit) -> None:
        """Count the request, in the order given and no further than the first limit that it exceeds.

        Raises:
            TooManyRequests: it is one too many.
        """
        for limit in counted:
            window = limits.count(limit.name, who, limit=limit.calls, seconds=limit.seconds)
            self.windows.append(window)
            window.enforce()

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer; none where nothing was counted."""
        if not self.windows:
            return {}
        tightest = min(self.windows, key=lambda window: (window.remaining, window.limit))
        told = (tightest.limit, tightest.remaining, tightest.reset)
        return {name: str(value) for name, value in zip(HEADERS, told, strict=True)}
