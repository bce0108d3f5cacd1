"""The settings of an OpenID Connect issuer: one that cannot be trusted is refused before the first request."""

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.settings import Settings, is_trusted_url

KEYS = {"session_secret": "s" * 32, "admin_api_key": "a" * 32}
ISSUER = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0"


def _parse(**given: Any) -> Settings:
    return Settings.model_validate({**KEYS, **given})


def test_no_issuer_is_the_default() -> None:
    found = _parse()
    assert (found.openid_issuer, found.openid_audience, found.openid_role_claim) == (None, None, None)
    assert found.openid_email_claims == ("email", "preferred_username")
    assert _parse(openid_email_claims="upn, email").openid_email_claims == ("upn", "email")


@pytest.mark.parametrize("issuer", [
    ISSUER, "https://accounts.google.com", "https://id.example.com:8443/realms/x/", "http://127.0.0.1:8080/realms/x",
    "http://localhost:9000", "http://[::1]:9000",
])  # fmt: skip
def test_issuer_by_https_or_of_this_machine_is_taken(issuer: str) -> None:
    assert _parse(openid_issuer=issuer, openid_audience="a").openid_issuer == issuer


@pytest.mark.parametrize("issuer", [
    "http://id.example.com", "http://192.168.0.1", "http://127.0.0.1.example.com", "http://localhost.example.com",
    "ftp://id.example.com", "id.example.com", "https://", "https://user:word@id.example.com", "https://id.example.com?x=1",
    "https://id.example.com#x", "https://[::1", "https://id.example.com:port", "http://127.0.0.1@id.example.com",
])  # fmt: skip
def test_other_issuer_is_refused_by_name(issuer: str) -> None:
    with pytest.raises(ValidationError, match="CLAIMCHECK_OPENID_ISSUER must be an https URL"):
        _parse(openid_issuer=issuer, openid_audience="a")


def test_issuer_without_an_audience_is_refused() -> None:
    with pytest.raises(ValidationError, match="CLAIMCHECK_OPENID_AUDIENCE must be set"):
        _parse(openid_issuer=ISSUER)


def test_what_an_https_issuer_names_is_fetched_by_https() -> None:
    assert is_trusted_url("https://keys.example.com/x", like=ISSUER)
    assert not is_trusted_url("http://127.0.0.1/x", like=ISSUER)
    assert is_trusted_url("http://127.0.0.1/x", like="http://localhost:9000")
