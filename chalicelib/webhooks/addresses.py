"""Where requests of ours may go: URLs that callers give, and the addresses behind them."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from chalicelib.errors import ClaimcheckError, InvalidRequest
from chalicelib.settings import settings

MAX_URL = 2048
HTTPS_PORT = 443
FIRST_FREE_PORT = 1024
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\.?")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HERE = ("localhost", ".localhost")

Address = IPv4Address | IPv6Address


class Refused(ClaimcheckError):
    """The request was not sent: the address is not on the public Internet."""


class Unresolvable(ClaimcheckError):
    """The host has no address."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes; ``exempt`` is one of the settings' hosts, which may be anywhere and speak plain HTTP."""

    secure: bool
    host: str
    port: int
    path: str
    exempt: bool


def parse(url: str) -> Target:
    """A URL that a request of ours may go to, as far as can be told without asking for its host's addresses.

    Raises:
        InvalidRequest: saying what is wrong, in the field ``url``.
    """
    if not _VISIBLE.fullmatch(url) or "\\" in url or len(url) > MAX_URL:
        raise _wrong(f"must be a URL of at most {MAX_URL} ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise _wrong("is not a URL") from error
    secure = parts.scheme.lower() == "https"
    port = port if port is not None else (HTTPS_PORT if secure else 80)
    exempt = f"{host}:{port}" in settings().webhook_allowed_hosts
    if not secure and not (exempt and parts.scheme.lower() == "http"):
        raise _wrong("must begin with https://")
    if "@" in parts.netloc or "#" in url:
        raise _wrong("may hold neither credentials nor a fragment")
    if not exempt:
        _must_be_public(host, port)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure=secure, host=host, port=port, path=path, exempt=exempt)


def resolve(target: Target) -> list[str]:
    """The addresses of a target's host, asked for anew each time.

    Raises:
        Unresolvable: there are none.
        Refused: one of them is not public; then none is good, since whoever answers could choose.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolvable from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise Unresolvable
    if not target.exempt and not all(is_public(ipaddress.ip_address(each)) for each in addresses):
        raise Refused
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address is on the public Internet, and what it stands for where it carries another."""
    if isinstance(address, IPv6Address):
        inner = _carried(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside a mapped, 6to4 or NAT64 one: it is where the packets end up."""
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


def _must_be_public(host: str, port: int) -> None:
    if port != HTTPS_PORT and port < FIRST_FREE_PORT:
        raise _wrong(f"must have port {HTTPS_PORT}, or one from {FIRST_FREE_PORT} on")
    address = _literal(host)
    if address is not None:
        if not is_public(address):
            raise _wrong("must be a host on the public Internet")
        return
    # As browsers have it: what ends in a number is an IPv4 address, and there is one way only to write that.
    if not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise _wrong("has no valid host")
    if host.rstrip(".").endswith(_HERE):
        raise _wrong("must be a host on the public Internet")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _wrong(what: str) -> InvalidRequest:
    return InvalidRequest(f"url: {what}", field="url")
