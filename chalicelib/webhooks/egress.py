"""One POST to an address that a caller chose, safe from being turned against our own network.

The host is resolved anew for each request, every address it has must be public, and the connection is made to the
address that was checked, so that a name whose answer changes in between gains nothing. Certificates are verified for
the name. No proxy is used, no redirect is followed, and the whole of it takes ten seconds at most.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib.telemetry import logger

from . import addresses
from .addresses import Refused, Target, Unresolvable

SECONDS = 10.0
MAX_ANSWER_BYTES = 64 * 1024

ADDRESS_REFUSED = "address_refused"
NOT_RESOLVED = "host_not_resolved"
NOT_CONNECTED = "connection_failed"
UNTRUSTED = "tls_failed"
TIMED_OUT = "timed_out"
NOT_HTTP = "no_http_answer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status of an answer, or why there is none; nothing else of an answer is for anybody's eyes."""

    status: int | None
    error: str | None = None


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> Outcome:
    """Send a request and answer what came of it; never raises for what the other side does.

    Raises:
        InvalidRequest: no request may go to that URL at all.
    """
    exchange = _Exchange(addresses.parse(url), body, dict(headers), seconds)
    # A peer that sends a byte now and then never runs into a time-out of the socket's: the clock is outside of it.
    worker = threading.Thread(target=exchange.run, name="webhook", daemon=True)
    worker.start()
    worker.join(seconds)
    return exchange.ended(late=worker.is_alive())


class _Untrusted(Exception):
    """The certificate is not good for the host, or there is no TLS."""


@dataclass
class _Exchange:
    """A request and what comes of it, done in one thread and watched by another."""

    target: Target
    body: bytes
    headers: dict[str, str]
    seconds: float
    status: int | None = None
    error: str | None = None
    _socket: socket.socket | None = None
    _over: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """The whole exchange, in a thread of its own."""
        try:
            self._talk(self._connected(addresses.resolve(self.target)))
        except Refused:
            self.error = ADDRESS_REFUSED
        except Unresolvable:
            self.error = NOT_RESOLVED
        except _Untrusted:
            self.error = UNTRUSTED
        except TimeoutError:
            self.error = TIMED_OUT
        except OSError:
            self.error = NOT_CONNECTED
        except http.client.HTTPException:
            self.error = NOT_HTTP
        except Exception:  # noqa: BLE001  a thread has nobody to raise to
            logger.exception("webhook.crashed")
            self.error = NOT_HTTP
        finally:
            if self._socket:
                self._socket.close()

    def ended(self, *, late: bool) -> Outcome:
        """What has come of it by now; nothing more will."""
        outcome = Outcome(self.status, None if self.status else TIMED_OUT if late else self.error)
        with self._turn:
            self._over = True
            self._hang_up()
        return outcome

    def _connected(self, found: list[str]) -> socket.socket:
        """A connection to the first of the addresses that takes one."""
        for number, address in enumerate(found):
            try:
                return self._keep(socket.create_connection((address, self.target.port), timeout=self.seconds))
            except OSError:
                if number == len(found) - 1 or self._over:
                    raise
        raise Unresolvable

    def _keep(self, connection: socket.socket) -> socket.socket:
        """Let the connection be closed from outside."""
        with self._turn:
            self._socket = connection
            if self._over:
                raise TimeoutError
        return connection

    def _talk(self, connection: socket.socket) -> None:
        target = self.target
        if target.secure:
            connection = self._secured(connection)
        conversation = http.client.HTTPConnection(target.host, target.port, timeout=self.seconds)
        conversation.default_port = addresses.HTTPS_PORT if target.secure else conversation.default_port
        conversation.sock = connection
        conversation.request("POST", target.path, self.body, {**self.headers, "Connection": "close"})
        answer = conversation.getresponse()
        self.status = answer.status
        # An answer counts by its status. Reading on lets a server finish what it began, and is nobody's business else.
        with suppress(OSError, http.client.HTTPException):
            answer.read(MAX_ANSWER_BYTES)

    def _secured(self, connection: socket.socket) -> ssl.SSLSocket:
        context = ssl.create_default_context()
        host = self.target.host.rstrip(".")
        secured = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
        self._keep(secured)
        try:
            secured.do_handshake()
        except ssl.SSLError as error:
            raise _Untrusted from error
        return secured

    def _hang_up(self) -> None:
        """End whatever the other thread waits for; it closes the socket itself, whose number may be reused then."""
        if self._socket:
            with suppress(OSError):
                # The socket's own: that of TLS would take the state from under the other thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
