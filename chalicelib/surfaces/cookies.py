"""Sessions in cookies: the access token, the refresh token, and the token that a page shows with what it changes."""

import hmac
from dataclasses import dataclass

from chalice.app import Request

from chalicelib.accounts import families, sessions
from chalicelib.accounts.families import Refreshed
from chalicelib.accounts.permissions import Permission
from chalicelib.accounts.sessions import Identity
from chalicelib.errors import Forbidden, Unauthenticated
from chalicelib.settings import is_loopback, settings

ACCESS, REFRESH, CSRF = "evium_access", "evium_refresh", "evium_csrf"
CSRF_HEADER = "x-csrf-token"
SESSIONS = "/u/auth"
"""Where the refresh token is of use, and is sent to."""


class CsrfMismatch(Forbidden):
    """The header x-csrf-token is missing, or is not that of this session."""


@dataclass(frozen=True, slots=True)
class CookieSession:
    """Who has a session in their cookies; for what changes anything, from a page that can read them."""

    permission: Permission | None = None
    changes: bool = False

    @property
    def security(self) -> tuple[tuple[str, ...], ...]:
        """As the document calls them."""
        return (("accessCookie", "csrfToken"),) if self.changes else (("accessCookie",),)

    def __call__(self, request: Request) -> Identity:
        """Who has a session; see ``callers.Scheme``."""
        token = cookies_of(request).get(ACCESS)
        if not token:
            raise Unauthenticated("there is no session: log in first")
        caller = sessions.verify(token)
        if self.changes:
            must_be_from_a_page(request, caller.family_id)
        return caller

    def permit(self, caller: object) -> None:
        """Whether its owner's role allows it."""
        if self.permission is not None and isinstance(caller, Identity):
            caller.must(self.permission)


def cookies_of(request: Request) -> dict[str, str]:
    """Our cookies of a request.

    Other sites of the same domain have cookies too, of forms that are none of ours; they are passed over one by one
    (RFC 6265, 5.4). Of several of one name the first counts, which is the nearest to the path.
    """
    found: dict[str, str] = {}
    for pair in str(request.headers.get("cookie") or "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name in {ACCESS, REFRESH, CSRF}:
            found.setdefault(name, value)
    return found


def must_be_from_a_page(request: Request, family_id: str | None) -> None:
    """Refuse a change that the page of another site could have had a browser ask for.

    Such a page's requests carry the cookies, but it can neither read them nor set the header.

    Raises:
        CsrfMismatch: the header is not the cookie, or both are of another session.
    """
    shown, kept = str(request.headers.get(CSRF_HEADER) or ""), cookies_of(request).get(CSRF, "")
    good = families.csrf_token(family_id) if family_id else ""
    if not good or not _same(shown, good) or not _same(kept, good):
        raise CsrfMismatch


def family_of_session(request: Request) -> str:
    """The family of a request's session, by either of its tokens, from a page of it.

    Raises:
        Unauthenticated: there is none.
        CsrfMismatch: see ``must_be_from_a_page``.
    """
    kept = cookies_of(request)
    if REFRESH in kept:
        return families.family_of(refresh_token(request))
    family_id = sessions.verify(kept[ACCESS]).family_id if ACCESS in kept else None
    if family_id is None:
        raise Unauthenticated("there is no session: log in first")
    must_be_from_a_page(request, family_id)
    return family_id


def refresh_token(request: Request) -> str:
    """The refresh token of a request, from a page of its session.

    Raises:
        Unauthenticated: there is none, or it cannot be one.
        CsrfMismatch: see ``must_be_from_a_page``.
    """
    token = cookies_of(request).get(REFRESH)
    if not token:
        raise Unauthenticated("there is no session: log in first")
    must_be_from_a_page(request, families.family_of(token))
    return token


def begun(request: Request, refreshed: Refreshed) -> list[str]:
    """The cookies of a session that has begun, or goes on."""
    seconds = settings().access_cookie_seconds
    lasts = settings().refresh_cookie_seconds
    access = sessions.issue(refreshed.user, seconds=seconds, family_id=refreshed.family_id)
    return [
        _cookie(request, ACCESS, access, "/", seconds),
        _cookie(request, REFRESH, refreshed.token, SESSIONS, lasts),
        _cookie(request, CSRF, families.csrf_token(refreshed.family_id), "/", lasts, readable=True),
    ]


def ended(request: Request) -> list[str]:
    """The cookies of no session."""
    return [_cookie(request, name, "", path, 0) for name, path in ((ACCESS, "/"), (REFRESH, SESSIONS), (CSRF, "/"))]


def _cookie(request: Request, name: str, value: str, path: str, seconds: int, *, readable: bool = False) -> str:
    parts = [f"{name}={value}", f"Path={path}", f"Max-Age={seconds}", f"SameSite={settings().cookie_same_site}"]
    if not readable:
        parts.append("HttpOnly")
    if not _is_local(request):
        parts.append("Secure")
    return "; ".join(parts)


def _is_local(request: Request) -> bool:
    """Whether it came by http to this machine itself, where nothing is on a wire; on AWS all is https."""
    host = str(request.headers.get("host") or "")
    return is_loopback(host.rpartition(":")[0].strip("[]") or host)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())
