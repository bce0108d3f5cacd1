"""A node of a chain that answers what a test has written down."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GWEI = 10**9
TX_HASH = f"0x{'ab' * 32}"


@dataclass(frozen=True)
class Trouble:
    """An answer that is none: a status, a body, and headers that need not be true of it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FakeNode:
    """Answers each method with the next of its answers, the last one over and over: JSON, an error, or trouble."""

    url: str = ""
    answers: dict[str, deque[Any]] = field(default_factory=dict)
    asked: list[tuple[str, list[Any]]] = field(default_factory=list)

    def will(self, method: str, *answers: Any) -> None:
        self.answers[method] = deque(answers)

    def methods(self) -> list[str]:
        return [method for method, _ in self.asked]

    def answer(self, request: dict[str, Any]) -> Trouble | dict[str, Any]:
        method = request["method"]
        self.asked.append((method, request["params"]))
        known = self.answers.get(method)
        if not known:
            return {"id": request["id"], "error": {"code": -32601, "message": f"no method {method}"}}
        answer = known.popleft() if len(known) > 1 else known[0]
        if isinstance(answer, Trouble):
            return answer
        failed = isinstance(answer, dict) and "code" in answer
        return {"jsonrpc": "2.0", "id": request["id"], ("error" if failed else "result"): answer}


@contextmanager
def serving() -> Iterator[FakeNode]:
    """Serve a node that would take a transaction and have it in a block."""
    node = FakeNode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = node.answer(json.loads(body))
            trouble = answer if isinstance(answer, Trouble) else Trouble(200, json.dumps(answer).encode())
            self.send_response(trouble.status)
            for name, value in {"Content-Length": str(len(trouble.body)), **trouble.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(trouble.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        node.url = f"http://127.0.0.1:{server.server_port}/key-canary"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        usual(node)
        yield node
        server.shutdown()
        thread.join()


def usual(node: FakeNode) -> None:
    """Have a node be one of chain 7 on a good day."""
    node.will("eth_chainId", hex(7))
    node.will("eth_estimateGas", hex(100_000))
    node.will("eth_feeHistory", {"baseFeePerGas": [hex(GWEI)] * 2, "reward": [[hex(GWEI)]]})
    node.will("eth_getBalance", hex(10**18))
    node.will("eth_getTransactionCount", hex(3))
    node.will("eth_sendRawTransaction", TX_HASH)
    node.will("eth_getTransactionReceipt", None, receipt())


def receipt(**fields: Any) -> dict[str, Any]:
    contract = "0x5b38da6a701c568545dcfcb03fcb875f56beddc4"
    return {"status": "0x1", "blockNumber": "0x10", "gasUsed": "0x5208", "contractAddress": contract, **fields}
