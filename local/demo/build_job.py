"""An agent writes a small service, tests it, and then looks for what is wrong with it; somebody watches it live."""

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from local.agent import BUILDS, LocalAgent

from .dashboard import PATIENCE_SECONDS, TIMEOUT, Dashboard, expect, say

PROJECT = "demo-shop"
GOAL = "A service that keeps a list of products"
PARAMETERS = {"framework": "fastapi", "database": "sqlite", "include_tests": True}


def run(dashboard: Dashboard, agent_secret: str) -> None:
    """Have a project built, and what was built analysed.

    Raises:
        Surprise: something was not as it had to be.
    """
    lines: list[str] = []
    with LocalAgent(dashboard.url, agent_secret, BUILDS, keep=lines.append, say=say):
        say("An agent that can build and analyse starts, in a process of its own.")
        _build(dashboard, lines)
        _analyse(dashboard, lines)


def _build(dashboard: Dashboard, lines: list[str]) -> None:
    order = {"project_name": PROJECT, "goal": GOAL, "parameters": PARAMETERS}
    task_id = dashboard.call("POST", "/api/build/", json=order)["task_id"]
    say(f"Somebody asked for a build, {task_id}, and watches it over a WebSocket:")
    results = _watch(dashboard, "build", task_id, lines)
    written = results["generated_files"]
    expect(results["tests_failed"] == 0 and results["tests_passed"] > 0, f"its tests came to {results}")
    say(
        f"{len(written)} files were written by {results['written_by']}; {results['tests_passed']} tests of the new "
        f"project passed, and cover {results['test_coverage']} % of it."
    )
    found = dashboard.call("GET", f"/api/build/{task_id}/sources")
    content = requests.get(found["download_url"], timeout=TIMEOUT).content
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    expect(set(written) <= packed, f"the archive has {sorted(packed)}, and not all of {written}")
    say(f"Its sources were downloaded straight from S3 ({len(content)} bytes), and hold every one of these files.")


def _analyse(dashboard: Dashboard, lines: list[str]) -> None:
    order = {"project_name": PROJECT, "analysis_types": ["quality", "security", "types"]}
    analysis_id = dashboard.call("POST", "/api/analysis/", json=order)["analysis_id"]
    say(f"Somebody asked for an analysis of what was built, {analysis_id}:")
    found = _watch(dashboard, "analysis", analysis_id, lines)
    expect(found["quality_score"] is not None, f"the analysis came to {found}")
    serious = [issue for issue in found["security_issues"] if issue["severity"] != "low"]
    expect(not serious, f"the generated project has security issues: {serious}")
    say(
        f"Its quality is {found['quality_score']} of 10, with {found['code_smells']} code smells, "
        f"{found['type_errors']} type errors and no security issue worse than low."
    )
    for advice in found["recommendations"]:
        print(f"    | {advice}")


def _watch(dashboard: Dashboard, kind: str, job: str, lines: list[str]) -> dict[str, Any]:
    """Show what is told of a job; answers its results."""
    told: dict[str, Any] = {}
    for told in _messages(dashboard.websocket(f"/api/ws/{kind}/{job}")):
        if told["type"] == "progress":
            print(f"    | {told['progress']:>3} % {told['status']}: {told['data']['current_step'] or 'waiting'}")
    said = "\n".join(lines[-20:])
    expect(told.get("type") == "completion", f"the {kind} ended with {told}; its agent said:\n{said}")
    results: dict[str, Any] = told["results"]
    return results


def _messages(url: str) -> Iterator[dict[str, Any]]:
    with connect(url) as watcher:
        while True:
            try:
                yield json.loads(watcher.recv(timeout=PATIENCE_SECONDS))
            except ConnectionClosed:
                return
