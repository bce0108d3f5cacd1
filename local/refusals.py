"""What the gateway answers by itself, without the app."""

import json
from datetime import UTC, datetime

from .proxy import HttpAnswer


class Refusal(Exception):
    """The gateway answers by itself and the app never sees the request."""

    def __init__(self, status: int, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "error": True,
            "code": code,
            "message": message,
            "details": details,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


def refuse(refusal: Refusal) -> HttpAnswer:
    """The answer that says so."""
    return json_answer(refusal.status, refusal.body)


def timed_out() -> HttpAnswer:
    """The app took longer than API Gateway waits."""
    return refuse(Refusal(504, "TIMEOUT", "The request took too long to answer."))


def crashed() -> HttpAnswer:
    """The app raised, or answered what HTTP cannot carry."""
    return refuse(Refusal(500, "INTERNAL_ERROR", "Something went wrong."))


def unknown_path(path: str) -> HttpAnswer:
    """The app has no such path; the envelope is the app's where it has one."""
    return json_answer(404, _unknown_path(path))


def json_answer(status: int, body: object, **headers: str) -> HttpAnswer:
    """An answer of compact JSON; further headers' names are spelt with underscores."""
    content = json.dumps(body, separators=(",", ":")).encode()
    wire = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    wire += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HttpAnswer(status=status, headers=wire, body=content)


def _unknown_path(path: str) -> object:
    try:
        from chalicelib.surfaces.surface import unknown_path as of_the_app  # noqa: PLC0415  the app decides its envelope

        return of_the_app(path)
    except Exception:  # noqa: BLE001  an app without surfaces; whatever it is, nobody declared this path
        return Refusal(404, "NOT_FOUND", "There is no such path.", path=path).body
