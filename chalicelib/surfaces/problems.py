"""What can go wrong before the core is asked: errors that only HTTP has."""

from http import HTTPStatus

from chalicelib.errors import ClaimcheckError, InvalidRequest, NotFound


class PathNotFound(NotFound):
    """There is nothing at this path."""


class MethodNotAllowed(ClaimcheckError):
    """This path does not take that method."""

    code = "METHOD_NOT_ALLOWED"


class UnsupportedMediaType(ClaimcheckError):
    """The body is of a content type that this path does not take."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class Internal(ClaimcheckError):
    """Unexpected server error."""


def all_that_is_wrong(error: ClaimcheckError) -> str:
    """The message; of a body with several problems all of them, for envelopes that have no other place for them."""
    problems = [_told(problem) for problem in error.details.get("problems", ())]
    return "; ".join(problems) or error.message


def _told(problem: dict[str, str]) -> str:
    return f"{problem['field']}: {problem['message']}" if problem["field"] else problem["message"]


_BY_STATUS: dict[int, type[ClaimcheckError]] = {
    HTTPStatus.BAD_REQUEST: InvalidRequest,
    HTTPStatus.FORBIDDEN: PathNotFound,  # API Gateway's word for a path it does not know.
    HTTPStatus.NOT_FOUND: PathNotFound,
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: UnsupportedMediaType,
}


def of_status(status: int) -> ClaimcheckError:
    """The error behind an answer that Chalice made by itself."""
    return _BY_STATUS.get(status, Internal)()
