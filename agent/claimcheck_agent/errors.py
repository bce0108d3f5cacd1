"""What can go wrong, as types. The docstring of an error is its default message."""

from typing import Any, Self


class AgentError(Exception):
    """Something the agent asked for could not be had."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class Unavailable(AgentError):
    """The server gave no usable answer; the same request may succeed later."""


class UploadFailed(AgentError):
    """The object store refused the upload."""


class DownloadFailed(AgentError):
    """The job's input cannot be had."""


class JobCancelled(AgentError):
    """Somebody cancelled the job."""


class JobStopped(AgentError):
    """The agent is stopping and gives the job back."""


class ApiError(AgentError):
    """The server refused the request.

    `status` is the HTTP status, `code` the contract's error code, `details` what the server added.
    """

    def __init__(self, message: str, *, status: int, code: str, details: dict[str, Any]) -> None:
        super().__init__(f"{message} ({status} {code})")
        self.status = status
        self.code = code
        self.details = details

    @classmethod
    def from_body(cls, status: int, body: Any) -> "ApiError":  # noqa: ANN401  (whatever a server may answer)
        """Make the error of the type that its code, or else its status, calls for."""
        fields = body if isinstance(body, dict) else {}
        code = str(fields.get("code") or f"HTTP_{status}")
        details = fields.get("details")
        chosen: type[ApiError] = _BY_CODE.get(code) or _BY_STATUS.get(status, ApiError)
        return chosen(
            str(fields.get("message") or "the server refused the request"),
            status=status,
            code=code,
            details=details if isinstance(details, dict) else {},
        )


class NotAuthorized(ApiError):
    """The server does not accept these credentials."""


class ClaimLost(ApiError):
    """The job is no longer this agent's: the lease ran out, was revoked, or the job is gone."""

    @classmethod
    def noticed(cls) -> Self:
        """Make the error for a loss that was learnt of earlier, or by the clock."""
        return cls("the job is no longer held by this agent", status=409, code="CLAIM_LOST", details={})


class InvalidTransition(ApiError):
    """The job cannot go from its present state to the one asked for."""


class SecretNotFound(ApiError):
    """The project has no secret of this type."""


class SegmentMismatch(ApiError):
    """The log goes on at another segment than the one sent."""

    @property
    def expected(self) -> int | None:
        """The segment at which the log goes on, if the server said so."""
        value = self.details.get("expectedSegment")
        return value if isinstance(value, int) else None


class LogFull(ApiError):
    """The job's log has reached the server's limit."""


_BY_CODE: dict[str, type[ApiError]] = {
    "CLAIM_LOST": ClaimLost,
    "JOB_ALREADY_CLAIMED": ClaimLost,
    # To the holder of its lease, a job that is gone is a job that was lost.
    "JOB_NOT_FOUND": ClaimLost,
    "INVALID_STATE_TRANSITION": InvalidTransition,
    "LOG_SEGMENT_MISMATCH": SegmentMismatch,
    "LOG_FULL": LogFull,
    "SECRET_NOT_FOUND": SecretNotFound,
}
_BY_STATUS: dict[int, type[ApiError]] = {401: NotAuthorized, 403: NotAuthorized}
