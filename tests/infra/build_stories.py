"""What happens to builds and analyses, and to those who watch them, as ``stories`` has it for everything else."""

import json
from collections.abc import Callable

import requests
from websockets.sync.client import ClientConnection, connect

from local.cloud import LocalCloud
from tests.support.api import TIMEOUT, Api, ok
from tests.support.builds import RESULT, Builds


def built_and_analysed(builds: Builds, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    task_id = builds.built()
    ok(builds.user.get(f"/api/build/{task_id}/sources"))
    builds.analyse()
    work = builds.claim()
    assert requests.get(_download(builds, work.path), timeout=TIMEOUT).ok
    ok(builds.user.delete(f"/api/build/{builds.create()}"))
    for user in (builds.user, api.user(role="admin")):
        assert ok(user.get("/api/build?limit=2"))["builds"]


def analysed_what_was_uploaded(builds: Builds, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    told = ok(builds.user.post("/api/uploads", {"file_name": "sources.tar.gz"}))
    assert requests.put(told["upload_url"], data=b"an archive", timeout=TIMEOUT).ok
    analysis_id = builds.analyse(source={"object_key": told["object_key"]})
    ok(builds.user.delete(f"/api/analysis/{analysis_id}"))


def watched_to_its_end(builds: Builds, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    task_id = builds.create()
    with _watching(builds, task_id) as watcher:
        assert _types(watcher, 2) == ["connected", "progress"]
        watcher.send("anybody there?")
        work = builds.running()
        work.progress(45, "Generating code")
        work.report("completed", RESULT)
        types = _types(watcher, 1)
        while types[-1] != "completion":
            types += _types(watcher, 1)


def asked_whether_it_is_ready(builds: Builds, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    from chalicelib.readiness import readiness

    readiness.forget()
    ok(api.anyone().get("/api/health/ready"))


def _watching(builds: Builds, task_id: str) -> ClientConnection:
    token = builds.user.headers["Authorization"].removeprefix("Bearer ")
    url = builds.api.url.replace("http://", "ws://")
    return connect(f"{url}/api/ws/build/{task_id}?token={token}", open_timeout=TIMEOUT)


def _types(watcher: ClientConnection, messages: int) -> list[str]:
    return [json.loads(watcher.recv(TIMEOUT))["type"] for _ in range(messages)]


def _download(builds: Builds, path: str) -> str:
    return str(ok(builds.agent.get(f"{path}/input"))["download"]["url"])


Story = Callable[[Builds, Api, LocalCloud], None]
ALL: tuple[Story, ...] = (
    built_and_analysed,
    analysed_what_was_uploaded,
    watched_to_its_end,
    asked_whether_it_is_ready,
)
