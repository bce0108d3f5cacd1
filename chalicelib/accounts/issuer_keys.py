"""The public keys of an OpenID Connect issuer: fetched from where it says, kept for an hour, and seldom asked for.

Anybody can name an unknown key in a token, so the issuer is asked once a minute at the most, by one request of a
process while the others wait or go on with what there is. Keys that were once had are used until newer ones come,
also past their age: an issuer's outage keeps out only those whose key is new.

https://openid.net/specs/openid-connect-discovery-1_0.html, 4; RFC 7517 for the keys.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from chalicelib import outgoing, strict_json, times
from chalicelib.errors import InvalidRequest, InvalidToken, IssuerUnavailable
from chalicelib.outgoing import AnswerTooLarge
from chalicelib.settings import is_trusted_url
from chalicelib.telemetry import logger

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

COOL_DOWN = timedelta(seconds=60)
# Until there are any, nobody's token can be checked: one failure should not shut everybody out for a minute.
COOL_DOWN_WITHOUT_KEYS = timedelta(seconds=10)
MAX_AGE = timedelta(hours=1)
TIMEOUT_SECONDS = 5.0
MAX_DOCUMENT_BYTES = 256 * 1024
MINIMUM_KEY_BITS = 2048
OK = 200


class _Unusable(Exception):
    """What the issuer publishes cannot be had, or cannot be used."""


@dataclass(slots=True)
class IssuerKeys:
    """The keys of one issuer, as this process knows them."""

    issuer: str
    _keys: Mapping[str, "RSAPublicKey"] = field(default_factory=dict)
    _fetched: datetime | None = None
    _tried: datetime | None = None
    _fetching: threading.Lock = field(default_factory=threading.Lock)

    def key(self, kid: str | None) -> "RSAPublicKey":
        """The key of that id.

        Raises:
            InvalidToken: the issuer has none, as far as is known; or a token names none.
            IssuerUnavailable: none of its keys is known.
        """
        if not kid:
            raise InvalidToken
        known = kid in self._keys
        if not known or self._is_old():
            self._refresh(wait=not known)
        if not self._keys:
            raise IssuerUnavailable
        if kid not in self._keys:
            raise InvalidToken
        return self._keys[kid]

    def _is_old(self) -> bool:
        return self._fetched is None or _passed(self._fetched) >= MAX_AGE

    def _refresh(self, *, wait: bool) -> None:
        """Fetch the keys, unless that was just tried. Whose key is known does not wait for another who does so."""
        if not self._fetching.acquire(blocking=wait):
            return
        try:
            cool_down = COOL_DOWN if self._keys else COOL_DOWN_WITHOUT_KEYS
            # Perhaps by the one who was waited for.
            if self._tried is not None and _passed(self._tried) < cool_down:
                return
            self._tried = times.now()
            self._keys = _fetch(self.issuer)
            self._fetched = times.now()
            logger.info("openid.keys_fetched", issuer=self.issuer, keys=len(self._keys))
        except _Unusable as error:
            logger.warning("openid.keys_unavailable", issuer=self.issuer, reason=str(error), kept=len(self._keys))
        finally:
            self._fetching.release()


def keys_of(issuer: str) -> IssuerKeys:
    """The keys of an issuer, none of them fetched yet when it is first asked for."""
    # In one step: two threads that both made one would both fetch.
    return _issuers.setdefault(issuer, IssuerKeys(issuer))


_issuers: dict[str, IssuerKeys] = {}


def _passed(since: datetime) -> timedelta:
    # A clock that was set back would otherwise stop us from asking until it has caught up.
    return abs(times.now() - since)


def _fetch(issuer: str) -> dict[str, "RSAPublicKey"]:
    """The issuer's keys by their id.

    Raises:
        _Unusable: its documents cannot be had, or hold none.
    """
    discovered = _document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if discovered.get("issuer") != issuer:
        raise _Unusable("the discovery document is another issuer's")
    address = discovered.get("jwks_uri")
    if not isinstance(address, str) or not is_trusted_url(address, like=issuer):
        raise _Unusable("the discovery document's jwks_uri is not an https URL")
    published = _document(address).get("keys")
    if not isinstance(published, list):
        raise _Unusable("the key set has no keys")
    keys: dict[str, RSAPublicKey] = {}
    for kid, key in _usable(published, issuer):
        keys.setdefault(kid, key)
    if not keys:
        raise _Unusable("the key set has no key that can be used")
    return keys


def _document(url: str) -> dict[str, Any]:
    # Asked for so seldom that a connection kept from the last time would be a dead one.
    headers = {"Accept": "application/json", "User-Agent": "claimcheck", "Connection": "close"}
    try:
        received = outgoing.exchange("GET", url, headers=headers, seconds=TIMEOUT_SECONDS, limit=MAX_DOCUMENT_BYTES)
        if received.status != OK:
            raise _Unusable(f"status {received.status}")
        document = strict_json.parse(received.content)
    except AnswerTooLarge as error:
        raise _Unusable("a document is too large") from error
    except HTTPError as error:
        raise _Unusable(type(error).__name__) from error
    except InvalidRequest as error:
        raise _Unusable("a document is not JSON") from error
    if not isinstance(document, dict):
        raise _Unusable("a document is not an object")
    return document


def _usable(published: list[Any], issuer: str) -> Iterator[tuple[str, "RSAPublicKey"]]:
    """Those keys that are for signing by RS256, with their ids; an entry of any other kind is passed over."""
    for entry in published:
        if not isinstance(entry, dict) or not _is_for_signing(entry) or not _is_of(issuer, entry):
            continue
        key = _public_key(entry)
        if key is not None and key.key_size >= MINIMUM_KEY_BITS:
            yield entry["kid"], key


def _is_for_signing(entry: dict[str, Any]) -> bool:
    kid = entry.get("kid")
    return (
        isinstance(kid, str)
        and kid != ""
        and entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
    )


def _is_of(issuer: str, entry: dict[str, Any]) -> bool:
    """Whether a key may sign for the issuer: Microsoft's say whose they are, or ``{tenantid}`` for any tenant's.

    https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-signing-key-issuer
    """
    told = entry.get("issuer", issuer)
    return told == issuer or (isinstance(told, str) and "{tenantid}" in told)


def _public_key(entry: dict[str, Any]) -> "RSAPublicKey | None":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415  as in sessions
    from jwt import PyJWTError  # noqa: PLC0415
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415

    try:
        key = RSAAlgorithm.from_jwk(entry)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    # A private key that is published is no secret any more: nothing that it signs is worth anything.
    return key if isinstance(key, RSAPublicKey) else None
