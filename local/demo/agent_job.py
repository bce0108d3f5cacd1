"""A remote agent builds this repository's own agent package, in a process of its own."""

import hashlib
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from local.repository import served

from .dashboard import PATIENCE_SECONDS, TIMEOUT, Dashboard, expect, say

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "claimcheck-agent"

# What the agent runs for a job of type "build". The token reaches git by its environment, never by an argument.
BUILD = """
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader
export GIT_CONFIG_VALUE_0="Authorization: Bearer $CLAIMCHECK_SECRET_GITHUB"
set -e
echo '::progress {"progress": "Cloning repository..."}'
git clone --quiet "$CLAIMCHECK_PAYLOAD_REPO" source
echo '::progress {"progress": "Building wheel..."}'
"$DEMO_PYTHON" -m pip --disable-pip-version-check wheel --no-index --no-deps --no-build-isolation \\
    --wheel-dir "$CLAIMCHECK_ARTIFACTS_DIR" ./source/agent
printf '{"commit": "%s"}' "$(git -C source rev-parse HEAD)" > "$CLAIMCHECK_RESULT_FILE"
"""


def run(dashboard: Dashboard, agent_secret: str) -> None:
    """Have an agent build this repository's own agent package.

    Raises:
        Surprise: something was not as it had to be.
    """
    git_token = "ghp_" + secrets.token_hex(16)
    with served(ROOT, git_token) as repository:
        _build(dashboard, agent_secret, repository, git_token)


def _build(dashboard: Dashboard, agent_secret: str, repository: str, git_token: str) -> None:
    job_id = _prepare(dashboard, repository, git_token)
    say("A remote agent starts, in a process of its own. It only knows the URL and its own secret.")
    with _agent(dashboard, agent_secret) as agent:
        lines = []
        for line in dashboard.follow_log(job_id, agent):
            print(f"    | {line}")
            lines.append(line)
        output, _ = agent.communicate(timeout=PATIENCE_SECONDS)
    expect(agent.returncode == 0, f"the agent ended with {agent.returncode}: {output}")
    expect(all(git_token not in line for line in [*lines, output]), "the git token is in the log")
    _check(dashboard, job_id)


def _prepare(dashboard: Dashboard, repository: str, git_token: str) -> str:
    admin, call = {"admin": True}, dashboard.call
    call("POST", "/api/admin/projects", **admin, json={"projectId": PROJECT, "name": PROJECT, "repo": repository})
    call("POST", "/api/admin/secrets", **admin, json={"projectId": PROJECT, "type": "github", "value": git_token})
    say(f"An administrator registered the project {PROJECT} and stored its git token, envelope-encrypted.")
    body = {"projectId": PROJECT, "jobType": "build", "payload": {"repo": repository}}
    job = call("POST", "/api/jobs/create", json=body)
    expect(job["state"] == "pending", f"the new job is {job['state']}")
    say(f"Somebody created {job['jobId']}: build this repository's agent package.")
    return str(job["jobId"])


def _agent(dashboard: Dashboard, secret: str) -> subprocess.Popen[str]:
    command = [
        str(Path(sys.executable).with_name("claimcheck-agent")),
        "run",
        "--url",
        dashboard.url,
        "--id",
        "demo-agent",
        "--once",
    ]
    command += ["--on", f"build={BUILD}", "--secrets", "build=github", "--pass-env", "DEMO_PYTHON", "--plain"]
    environment = {**os.environ, "CLAIMCHECK_AGENT_SECRET": secret, "DEMO_PYTHON": sys.executable}
    return subprocess.Popen(  # noqa: S603  our own agent
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _check(dashboard: Dashboard, job_id: str) -> None:
    job = dashboard.call("GET", f"/api/jobs/{job_id}")
    expect(job["state"] == "completed", f"the job is {job['state']}: {job['error']}")
    head = subprocess.run(  # noqa: S603
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"],  # noqa: S607  git, from the PATH
        check=True,
        capture_output=True,
        text=True,
    )
    expect(job["result"]["commit"] == head.stdout.strip(), f"the result is {job['result']}")
    say("The repository is private: the agent redeemed its one-time claim token for the git token to clone it.")
    say(f"The job completed at attempt {job['attempt']}; its result: {job['result']}")
    artifacts = dashboard.call("GET", f"/api/jobs/{job_id}/artifacts")
    expect(len(artifacts) == 1, f"the artifacts are {artifacts}")
    _compare(dashboard, artifacts[0])


def _compare(dashboard: Dashboard, artifact: dict[str, Any]) -> None:
    path = f"/api/projects/{PROJECT}/artifacts/{artifact['artifactId']}/download"
    content = requests.get(dashboard.call("GET", path)["downloadUrl"], timeout=TIMEOUT).content
    digest = hashlib.sha256(content).hexdigest()
    expect(digest == artifact["sha256"], f"the download's SHA-256 is {digest}, not {artifact['sha256']}")
    say(f"It uploaded {artifact['fileName']} ({artifact['size']} bytes) straight to S3; downloaded again,")
    say(f"its SHA-256 is what the agent had computed: {digest}")
