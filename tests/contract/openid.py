"""What the tests of tokens from an OpenID Connect issuer share."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.contract.harness import changed_settings
from tests.support.api import Api, Caller, error
from tests.support.openid_issuer import AUDIENCE, Issuer, serving

INVALID = (401, "INVALID_TOKEN")
GOOD = (200, "")


@contextmanager
def trusted_issuer(**settings: str) -> Iterator[Issuer]:
    """An issuer that the deployment is configured for, in a process that has not asked it for anything yet."""
    from chalicelib.accounts import issuer_keys

    issuer_keys._issuers.clear()
    given = {"openid_role_claim": "roles", "openid_audience": AUDIENCE, **settings}
    with serving() as issuer, changed_settings(openid_issuer=issuer.url, **given):
        yield issuer


def bearer(api: Api, token: str) -> Caller:
    """Whoever has the token."""
    return Caller(api.url, {"Authorization": f"Bearer {token}"})


def outcome(api: Api, token: str) -> tuple[int, str]:
    """The status and code of a call with the token."""
    answer = bearer(api, token).get("/api/projects")
    return GOOD if answer.ok else error(answer)
