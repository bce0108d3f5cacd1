"""An OpenID Connect issuer over real HTTP: its discovery document, its keys, the tokens it signs, and its bad days."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "api://claimcheck-tests"
DISCOVERY = "/tenant/v2.0/.well-known/openid-configuration"
KEYS = "/tenant/keys"


@cache
def rsa_key(name: str, bits: int = 2048) -> RSAPrivateKey:
    """A key by the name of who has it; made once, since that takes a while."""
    assert name
    return generate_private_key(public_exponent=65537, key_size=bits)


def entry(kid: str, key: RSAPrivateKey | None = None, **more: Any) -> dict[str, Any]:
    """The public key's entry in a key set."""
    public = (key or rsa_key(kid)).public_key()
    return {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": kid, "use": "sig", **more}


@dataclass(frozen=True)
class Answer:
    """What is answered in place of a document."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Issuer:
    """The server: what it publishes, how it is to misbehave, and which paths it was asked for."""

    host: str = ""
    published: list[Any] = field(default_factory=lambda: [entry("first")])
    discovery: dict[str, Any] = field(default_factory=dict)
    bad_day: Callable[[str], Answer | None] = lambda path: None  # noqa: ARG005  a good day
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The issuer's name."""
        return f"{self.host}/tenant/v2.0"

    @property
    def fetches(self) -> int:
        """How often its keys were looked for."""
        return self.asked.count(DISCOVERY)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good token says; a claim that is changed to None is left out."""
        now = int(time.time())
        given = {
            "iss": self.url, "aud": AUDIENCE, "sub": "subject-1", "iat": now, "nbf": now, "exp": now + 3600,
            "email": "Ada@Example.com", **changed,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}

    def token(self, *, kid: str | None = "first", key: RSAPrivateKey | None = None, **changed: Any) -> str:
        """A token signed by the key of that id, or by another."""
        headers = {"kid": kid} if kid else None
        return jwt.encode(self.claims(**changed), key or rsa_key(kid or "first"), "RS256", headers=headers)

    def answer(self, path: str) -> Answer:
        """What is answered to a GET."""
        self.asked.append(path)
        documents: dict[str, Any] = {
            DISCOVERY: {"issuer": self.url, "jwks_uri": self.host + KEYS, **self.discovery},
            KEYS: {"keys": self.published},
        }
        made = self.bad_day(path)
        if made is not None:
            return made
        return Answer(200, json.dumps(documents[path]).encode()) if path in documents else Answer(404)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has given up is no error of ours."""


@contextmanager
def serving() -> Iterator[Issuer]:
    """Run an issuer while the block lasts."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made = issuer.answer(self.path)
            self.send_response(made.status)
            for name, value in {"Content-Length": str(len(made.body)), **made.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    issuer.host = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
