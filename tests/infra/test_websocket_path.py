"""CloudFront's function, run by node: the path of a WebSocket becomes the query of its API's root."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from infra.stages import ROOT

NODE = shutil.which("node")
ID = "550e8400-e29b-41d4-a716-446655440000"
# Answers a JSON event a line with a JSON line; in a context of its own, which has nothing of node's.
RUN = """
const vm = require('node:vm');
const lines = require('node:readline').createInterface({ input: process.stdin });
const context = vm.createContext({});
vm.runInContext(require('node:fs').readFileSync(process.argv[1], 'utf8'), context);
lines.on('line', (line) => {
    context.line = line;
    console.log(vm.runInContext('JSON.stringify(handler(JSON.parse(line)))', context));
});
"""

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not there to run CloudFront's function")


@pytest.fixture(scope="module")
def node() -> Iterator[subprocess.Popen[str]]:
    """Node, with the function that is deployed."""
    command = [str(NODE), "-e", RUN, str(ROOT / "infra" / "websocket_path.js")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.mark.parametrize("kind", ["build", "analysis"])
def test_path_becomes_the_query_of_the_root(node: subprocess.Popen[str], kind: str) -> None:
    made = _ask(node, f"/api/ws/{kind}/{ID}", token="a.b-c_d")
    assert made["uri"] == "/"
    assert _query(made) == {"kind": kind, "id": ID, "token": "a.b-c_d"}


def test_path_is_that_of_the_local_cloud() -> None:
    from local.websockets import PATH

    source = (ROOT / "infra" / "websocket_path.js").read_text()
    assert f"const PATH = /^{PATH.pattern}$/;" in source.replace(r"\/", "/")


def test_what_is_no_token_is_dropped_and_what_the_path_says_counts(node: subprocess.Popen[str]) -> None:
    made = _ask(node, f"/api/ws/build/{ID}", kind="analysis", id="another", more="1", token="t")
    assert _query(made) == {"kind": "build", "id": ID, "token": "t"}


def test_first_token_of_several_counts(node: subprocess.Popen[str]) -> None:
    token = {"value": "first", "multiValue": [{"value": "first"}, {"value": "second"}]}
    made = _told(node, {"uri": f"/api/ws/build/{ID}", "querystring": {"token": token}})
    assert made["querystring"]["token"] == {"value": "first"}


def test_token_stays_encoded_as_it_came(node: subprocess.Popen[str]) -> None:
    assert _query(_ask(node, f"/api/ws/build/{ID}", token="a%26kind%3Danalysis"))["token"] == "a%26kind%3Danalysis"


@pytest.mark.parametrize("token", [None, ""])
def test_request_without_a_token_is_refused_by_the_api_and_not_here(
    node: subprocess.Popen[str], token: str | None
) -> None:
    made = _ask(node, f"/api/ws/build/{ID}", **({} if token is None else {"token": token}))
    assert _query(made) == {"kind": "build", "id": ID, **({} if token is None else {"token": token})}


def test_headers_reach_the_api_as_they_came(node: subprocess.Popen[str]) -> None:
    headers = {"sec-websocket-key": {"value": "x"}, "upgrade": {"value": "websocket"}}
    made = _told(node, {"uri": f"/api/ws/build/{ID}", "querystring": {}, "headers": headers, "method": "GET"})
    assert (made["headers"], made["method"]) == (headers, "GET")


@pytest.mark.parametrize("uri", [
    "/", "/api/ws", "/api/ws/", "/api/ws/build", "/api/ws/build/", f"/api/ws/{ID}", f"/api/ws/builds/{ID}",
    f"/api/ws/Build/{ID}", f"/api/ws/build/{ID}/", f"/api/ws/build/{ID}/more", f"/api/ws//{ID}", f"//api/ws/build/{ID}",
    f"/api/ws/build/../{ID}", f"/api/ws/build/..%2F{ID}", f"/api/ws/build/{ID}%00", f"/api/ws/build/{ID}\n",
    f"/api/ws/build/{ID}%3Ftoken=t", "/api/ws/build/é", f"/api/ws/build/{'a' * 65}", f"/dev/api/ws/build/{ID}",
    "/api/jobs/claim", f"/more/api/ws/build/{ID}", f"/api/ws/build%2F{ID}", f"/API/WS/build/{ID}",
])  # fmt: skip
def test_every_other_path_is_nowhere_in_the_contracts_words(node: subprocess.Popen[str], uri: str) -> None:
    from chalicelib.surfaces.builds.errors import envelope
    from chalicelib.surfaces.problems import PathNotFound

    made = _ask(node, uri, token="t")
    status, wanted = envelope(PathNotFound())
    body = json.loads(made["body"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    assert {**body, "timestamp": None} == {**wanted, "timestamp": None}
    assert made["statusCode"] == status
    assert made["headers"]["content-type"] == {"value": "application/json"}
    assert made["headers"]["cache-control"] == {"value": "no-store"}


def _ask(node: subprocess.Popen[str], uri: str, **query: str) -> dict[str, Any]:
    return _told(node, {"uri": uri, "querystring": {name: {"value": value} for name, value in query.items()}})


def _told(node: subprocess.Popen[str], request: dict[str, Any]) -> dict[str, Any]:
    assert node.stdin
    assert node.stdout
    event = {"version": "1.0", "viewer": {"ip": "192.0.2.1"}, "request": request}
    node.stdin.write(json.dumps(event) + "\n")
    node.stdin.flush()
    return dict(json.loads(node.stdout.readline()))


def _query(request: dict[str, Any]) -> dict[str, str]:
    assert all(set(each) == {"value"} for each in request["querystring"].values())
    return {name: each["value"] for name, each in request["querystring"].items()}
