"""What can go wrong, as one tree. A class's docstring is its default message; HTTP is the surfaces' business."""

from typing import Any, ClassVar


class ClaimcheckError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(self, message: str | None = None, /, **details: Any) -> None:  # noqa: ANN401  details are JSON
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.details = details
        super().__init__(self.message)


class InvalidRequest(ClaimcheckError):
    """The request is not valid."""

    code = "INVALID_REQUEST"


class InvalidShape(InvalidRequest):
    """A field is missing, unknown, or of another type than it should be."""


class TooLarge(InvalidRequest):
    """The request is larger than what is accepted."""

    code = "PAYLOAD_TOO_LARGE"


class InvalidStateTransition(ClaimcheckError):
    """The job cannot go from its present state to that one."""

    code = "INVALID_STATE_TRANSITION"


class Unauthenticated(ClaimcheckError):
    """The request carries no credentials."""

    code = "UNAUTHORIZED"


class InvalidCredentials(Unauthenticated):
    """The credentials are wrong."""


class InvalidToken(Unauthenticated):
    """The token is invalid or has expired."""

    code = "INVALID_TOKEN"


class NotReady(ClaimcheckError):
    """Something that the service needs does not answer."""

    code = "SERVICE_UNAVAILABLE"


class IssuerUnavailable(ClaimcheckError):
    """The issuer of the token cannot be reached to check it; try again later."""

    code = "ISSUER_UNAVAILABLE"


class UpstreamUnreachable(ClaimcheckError):
    """The upstream service cannot be reached, or gave no answer that can be used; try again later."""

    code = "UPSTREAM_UNREACHABLE"


class Forbidden(ClaimcheckError):
    """The caller may not do this."""

    code = "FORBIDDEN"


class NotFound(ClaimcheckError):
    """There is no such thing."""

    code = "NOT_FOUND"


class ProjectNotFound(NotFound):
    """There is no such project."""

    code = "PROJECT_NOT_FOUND"


class ChatNotFound(NotFound):
    """There is no such chat."""

    code = "CHAT_NOT_FOUND"


class JobNotFound(NotFound):
    """There is no such job."""

    code = "JOB_NOT_FOUND"


class SecretNotFound(NotFound):
    """The project has no secret of that type."""

    code = "SECRET_NOT_FOUND"


class ArtifactNotFound(NotFound):
    """There is no such artifact."""

    code = "ARTIFACT_NOT_FOUND"


class AgentNotFound(NotFound):
    """There is no such agent."""

    code = "AGENT_NOT_FOUND"


class UserNotFound(NotFound):
    """There is no such user."""

    code = "USER_NOT_FOUND"


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    code = "WEBHOOK_NOT_FOUND"


class DeliveryNotFound(NotFound):
    """There is no such delivery."""

    code = "DELIVERY_NOT_FOUND"


class Conflict(ClaimcheckError):
    """The request conflicts with how things are now."""

    code = "CONFLICT"


class AlreadyExists(Conflict):
    """That already exists."""

    code = "ALREADY_EXISTS"


class JobAlreadyClaimed(Conflict):
    """The job is claimed by another agent or another attempt."""

    code = "JOB_ALREADY_CLAIMED"


class ClaimLost(Conflict):
    """The claim has ended: its lease ran out, or the job was finished, cancelled or taken back."""

    code = "CLAIM_LOST"


class TokenRedeemed(Conflict):
    """The claim token was redeemed by another request at the same moment."""

    code = "CLAIM_TOKEN_REDEEMED"


class IdempotencyKeyReused(Conflict):
    """The idempotency key was used for a different request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class UploadIncomplete(Conflict):
    """Nothing has been uploaded yet."""

    code = "UPLOAD_INCOMPLETE"


class UploadMismatch(Conflict):
    """What was uploaded is not what was announced."""

    code = "UPLOAD_MISMATCH"


class InputChanged(Conflict):
    """The input file was uploaded again after it had been marked as uploaded."""

    code = "INPUT_CHANGED"


class LogSegmentMismatch(ClaimcheckError):
    """The segment is not the next one of the log."""

    code = "LOG_SEGMENT_MISMATCH"


class LogFull(TooLarge):
    """The job's log has reached its limit."""

    code = "LOG_FULL"


class TooManyRequests(ClaimcheckError):
    """Too many requests; try again later."""

    code = "RATE_LIMITED"

    def __init__(self, retry_after: int) -> None:
        super().__init__(retryAfter=retry_after)
        self.retry_after = retry_after


class StorageFailed(ClaimcheckError):
    """The database or object store could not be reached; nothing is known to have changed."""

    code = "KV_WRITE_FAILED"


class EncryptionFailed(ClaimcheckError):
    """The secret could not be encrypted or decrypted."""

    code = "ENCRYPTION_FAILED"


class EncryptionUnavailable(EncryptionFailed):
    """The key service is not available; nothing was changed."""

    code = "ENCRYPTION_UNAVAILABLE"
