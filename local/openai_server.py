"""An endpoint that speaks OpenAI's API, for chat completions and embeddings, made up on this machine.

It answers at once and the same every time: chats as it is told to, embeddings by the words that texts share. Answers
can be put before these, for a bad day; what it was asked is kept.

https://platform.openai.com/docs/api-reference/chat and /embeddings
"""

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 256
WORDS_PER_TOKEN = 0.75
DRIP_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request; the names of its headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is answered instead of the usual.

    Attributes:
        status: of the answer.
        body: bytes as they are, anything else as JSON.
        headers: beside the length.
        silent: nothing comes after the body until the server stops; without a body nothing at all.
        drip: what is sent after the body, over and over, until the client goes or the server stops.
        broken: whether the connection breaks off after the body.
    """

    status: int = HTTPStatus.OK
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    drip: bytes = b""
    broken: bool = False

    @property
    def endless(self) -> bool:
        """Whether its length is not known."""
        return self.broken or self.silent or bool(self.drip)

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def refusal(status: int, message: str, *, code: str | None = None, headers: dict[str, str] | None = None) -> Answer:
    """An error in OpenAI's form."""
    error = {"message": message, "type": "error", "param": None, "code": code}
    return Answer(status=status, body={"error": error}, headers=headers or {})


def completion(text: str | None, *, prompt_tokens: int = 10, completion_tokens: int = 5) -> Answer:
    """A chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    return Answer(body={"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage})


def streamed(
    text: str = "", *calls: tuple[str, dict[str, Any] | str], ended: str | None = None, tokens: int = 15
) -> Answer:
    """A chat completion in pieces, with calls of tools: each a name and its arguments, as text if they are wrong."""
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    deltas += [{"content": text[start : start + 40]} for start in range(0, len(text), 40)]
    for index, (name, arguments) in enumerate(calls):
        said = arguments if isinstance(arguments, str) else json.dumps(arguments)
        deltas += [
            _piece(index, id=f"call_{index}", type="function", function={"name": name, "arguments": ""}),
            _piece(index, function={"arguments": said[:10]}),
            _piece(index, function={"arguments": said[10:]}),
        ]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    reason = ended or ("tool_calls" if calls else "stop")
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    usage = {"prompt_tokens": tokens - 5, "completion_tokens": 5, "total_tokens": tokens}
    chunks.append({"choices": [], "usage": usage})
    return Answer(body=events(chunks) + b"data: [DONE]\n\n", headers={"Content-Type": "text/event-stream"})


def events(chunks: list[dict[str, Any]]) -> bytes:
    """Pieces of a chat completion, as the events of a stream."""
    shared = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "local"}
    return b"".join(b"data: %s\n\n" % json.dumps(shared | chunk).encode() for chunk in chunks)


def _piece(index: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"tool_calls": [{"index": index, **fields}]}


@dataclass
class OpenAIServer:
    """The server.

    Attributes:
        url: the base of its paths.
        says: the text that answers a chat, from its messages.
        key: the bearer token that it wants; any will do if it is None.
        instead: answers to give before the usual ones, in order.
        asked: what came, in order.
    """

    url: str = ""
    says: Callable[[list[dict[str, Any]]], str] = lambda messages: str(messages[-1]["content"])
    key: str | None = None
    instead: deque[Answer] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> Answer:
        """What is answered to a request."""
        with self._lock:
            self.asked.append(asked)
            if self.instead:
                return self.instead.popleft()
        if self.key is not None and asked.headers.get("authorization") != f"Bearer {self.key}":
            return refusal(HTTPStatus.UNAUTHORIZED, "Incorrect API key provided.", code="invalid_api_key")
        if asked.path.endswith("/chat/completions"):
            return self._chat(asked.body)
        if asked.path.endswith("/embeddings"):
            return _embeddings(asked.body)
        return refusal(HTTPStatus.NOT_FOUND, "Unknown request URL.")

    def _chat(self, body: dict[str, Any]) -> Answer:
        text = self.says(body["messages"])
        if body.get("stream"):
            return streamed(text)
        asked = sum(_tokens(str(message["content"])) for message in body["messages"])
        return completion(text, prompt_tokens=asked, completion_tokens=_tokens(text))


def _embeddings(body: dict[str, Any]) -> Answer:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    if not all(texts):
        return refusal(HTTPStatus.BAD_REQUEST, "'$.input' is invalid: an input cannot be empty.")
    data = [{"object": "embedding", "index": index, "embedding": _vector(text)} for index, text in enumerate(texts)]
    tokens = sum(map(_tokens, texts))
    return Answer(body={"object": "list", "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})


def _vector(text: str) -> list[float]:
    """How often each word occurs, the words being spread over the dimensions; as long as one."""
    counts = [0.0] * DIMENSIONS
    for word in text.casefold().split() or [""]:
        counts[int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:4]) % DIMENSIONS] += 1
    length = sum(count * count for count in counts) ** 0.5
    return [count / length for count in counts]


def _tokens(text: str) -> int:
    return round(len(text.split()) / WORDS_PER_TOKEN)


@contextmanager
def serving() -> Iterator[OpenAIServer]:
    """Run the server while the block lasts."""
    server, stopping = OpenAIServer(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        # Connections are kept, as they are by the servers that this one stands for.
        protocol_version = "HTTP/1.1"
        # Or each answer would wait for the acknowledgement of its own headers.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made = server.answer(Asked(path=self.path, headers=headers, body=json.loads(content)))
            if made.silent and not made.body:
                stopping.wait()
                self.close_connection = True
                return
            self.send_response(made.status)
            length = {"Connection": "close"} if made.endless else {"Content-Length": str(len(made.content))}
            given = {"Content-Type": "application/json", **length, **made.headers}
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.content)
            if made.silent:
                stopping.wait()
            with suppress(OSError):
                while made.drip and not stopping.wait(DRIP_SECONDS):
                    self.wfile.write(made.drip)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    # A connection that is kept has a thread that waits for its next request.
    listening.block_on_close = False
    server.url = f"http://127.0.0.1:{listening.server_address[1]}/v1"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stopping.set()
        listening.shutdown()
        listening.server_close()
        thread.join()
