"""Two hundred sums are put to a model that is good but not perfect; its answers are scored, and the scores checked."""

import json
import random
import time
from typing import Any

import requests

from local.openai_server import serving

from .dashboard import PATIENCE_SECONDS, TIMEOUT, Dashboard, Surprise, expect, say

ROWS = 200
SEED = 20261121
WRONG_EVERY = 8
AGENT = "demo-model"
# The contract lets a user ask so often; whoever follows a job has to leave room for others of theirs.
ASK_SECONDS = 1.0


def run(dashboard: Dashboard) -> None:
    """Register the model, upload the questions, submit the evaluation, follow it, and check its results.

    Raises:
        Surprise: something was not as it had to be.
    """
    chance = random.Random(SEED)  # noqa: S311  made-up data
    sums = [(chance.randrange(1000), chance.randrange(1000)) for _ in range(ROWS)]
    wrong = {f"What is {a} + {b}?" for a, b in sums[::WRONG_EVERY]}
    with serving() as model:
        model.says = lambda messages: _answer(messages[-1]["content"], wrong)
        told = {"name": "Demo model", "url": model.url, "model": "demo", "api_key": "sk-demo"}
        dashboard.call("PUT", f"/api/admin/evaluation-agents/{AGENT}", admin=True, json=told)
        say("An administrator registered a model under test: an OpenAI-compatible endpoint on this machine.")
        job = _follow(dashboard, _submit(dashboard, sums))
    _compare(dashboard.call("GET", job["results_url"]), sums, wrong)


def _answer(question: str, wrong: set[str]) -> str:
    a, b = (int(word) for word in question.rstrip("?").split() if word.isdigit())
    return f"The sum is {a + b + (question in wrong)}."


def _submit(dashboard: Dashboard, sums: list[tuple[int, int]]) -> str:
    rows = [{"first": a, "second": b, "expected": f"The sum is {a + b}."} for a, b in sums]
    content = "\n".join(map(json.dumps, rows)).encode()
    upload = dashboard.call("POST", "/api/uploads", json={"file_name": "sums.jsonl", "size_bytes": len(content)})
    answer = requests.request(
        upload["method"], upload["upload_url"], data=content, headers=upload["headers"], timeout=TIMEOUT
    )
    expect(answer.ok, f"the upload answered {answer.status_code}")
    order = {
        "name": "Sums",
        "type": "bulk_evaluation",
        "configuration": {
            "data_source": upload["object_key"],
            "prompt_template": "What is {first} + {second}?",
            "evaluation_criteria": {"similarity_threshold": 0.95, "custom_evaluators": ["numeric_close"]},
            "agent_configuration": {"selected_agent_id": AGENT},
        },
    }
    job = dashboard.call("POST", "/api/jobs", json=order)
    say(f"Somebody submitted {job['id']}: {ROWS} sums for that model, scored by text and by number.")
    return str(job["id"])


def _follow(dashboard: Dashboard, job_id: str) -> dict[str, Any]:
    until, seen = time.monotonic() + PATIENCE_SECONDS, ""
    while time.monotonic() < until:
        job: dict[str, Any] = dashboard.call("GET", f"/api/jobs/{job_id}")
        told = (
            f"{job['status']}, {job['progress']['percent']} %"
            if (job["progress"] or {}).get("percent")
            else job["status"]
        )
        if told != seen:
            seen = told
            say(f"The evaluation is {told}.")
        if job["status"] in {"completed", "failed", "cancelled"}:
            expect(job["status"] == "completed", f"it ended with: {job['error']}")
            return job
        time.sleep(ASK_SECONDS)
    message = f"the evaluation has not ended after {PATIENCE_SECONDS} s"
    raise Surprise(message)


def _compare(told: dict[str, Any], sums: list[tuple[int, int]], wrong: set[str]) -> None:
    summary = told["summary"]
    failed = sum(f"What is {a} + {b}?" in wrong for a, b in sums)
    counts = {"total": ROWS, "passed": ROWS - failed, "failed": failed, "errored": 0}
    expect(all(summary[name] == count for name, count in counts.items()), f"the summary is {summary}, not {counts}")
    expect([row["row"] for row in told["results"]] == list(range(1, ROWS + 1)), "a row is missing, or there twice")
    print(f"    | passed {summary['passed']} of {summary['total']}, mean score {summary['mean_score']}")
    for bin_ in summary["histogram"]:
        if bin_["count"]:
            print(f"    | scores from {bin_['from']} to {bin_['to']}: {bin_['count']}")
    worst = min(told["results"], key=lambda row: float(row["score"]))
    print(
        f"    | the worst: {worst['prompt']} expected {worst['expected']!r}, got {worst['actual']!r}: {worst['reason']}"
    )
    say("The rows that failed are those that the model was made to get wrong, and no others.")
