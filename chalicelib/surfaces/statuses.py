"""The HTTP status of each error of the core, where a contract does not say otherwise."""

from http import HTTPStatus

from chalicelib import errors
from chalicelib.errors import ClaimcheckError

from . import problems

_STATUS: dict[type[ClaimcheckError], HTTPStatus] = {
    errors.InvalidRequest: HTTPStatus.BAD_REQUEST,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.InvalidStateTransition: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.LogSegmentMismatch: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UpstreamUnreachable: HTTPStatus.BAD_GATEWAY,
    errors.NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.IssuerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.EncryptionUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    problems.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    problems.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ClaimcheckError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(error: ClaimcheckError) -> HTTPStatus:
    """The status of the nearest class in the tree."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
