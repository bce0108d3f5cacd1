"""The main job, for real: a remote agent builds this repository's own agent package. ``python -m local.demo``.

Everything goes through public HTTP: the dashboard's side from here, the agent's from a process of its own.
"""

import hashlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from local.cloud import LocalCloud
from local.repository import served

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "claimcheck-agent"
PATIENCE_SECONDS = 300
TIMEOUT = 30

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


class Surprise(Exception):
    """Something was not as it had to be."""


class Dashboard:
    """The front end's side of the API."""

    def __init__(self, url: str, admin_key: str) -> None:
        self.url = url
        self._admin = {"X-Admin-Api-Key": admin_key}
        self._user: dict[str, str] = {}

    def call(self, method: str, path: str, *, admin: bool = False, **more: Any) -> Any:  # noqa: ANN401  any JSON
        """One request, whose answer must be a success."""
        headers = self._admin if admin else self._user
        answer = requests.request(method, self.url + path, headers=headers, timeout=TIMEOUT, **more)
        if not answer.ok:
            message = f"{method} {path} answered {answer.status_code}: {answer.text}"
            raise Surprise(message)
        return answer.json()

    def log_in(self) -> None:
        """Register somebody, and be them from now on."""
        email, password = "demo@example.com", secrets.token_urlsafe(12)
        self.call("POST", "/api/v1/auth/register", json={"email": email, "password": password})
        token = self.call("POST", "/api/v1/auth/login", data={"username": email, "password": password})
        self._user = {"Authorization": f"Bearer {token['access_token']}"}

    def follow_log(self, job_id: str, agent: subprocess.Popen[str]) -> Iterator[str]:
        """The job's lines as they come, until it has ended and all are read.

        Raises:
            Surprise: the agent ended before the job, or the job takes too long.
        """
        cursor, more, until = "0", True, time.monotonic() + PATIENCE_SECONDS
        while more:
            gone = agent.poll() is not None
            page = self.call("GET", f"/api/jobs/{job_id}/logs?cursor={cursor}")
            yield from (entry["message"] for entry in page["data"])
            cursor, more = page["cursor"], page["hasMore"]
            if more and gone:
                message = f"the agent ended before the job: {agent.communicate()[0]}"
                raise Surprise(message)
            if time.monotonic() > until:
                message = f"the job has not ended after {PATIENCE_SECONDS} s"
                raise Surprise(message)
            time.sleep(0.2)


def main() -> int:
    """Run the demo; 0 if everything was as expected."""
    os.environ.setdefault("CLAIMCHECK_LOG_LEVEL", "ERROR")
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
    git_token = "ghp_" + secrets.token_hex(16)
    try:
        with LocalCloud() as cloud, served(ROOT, git_token) as repository:
            _say(f"The local cloud is up at {cloud.url}: the same code that runs on AWS, in one process.")
            _agent_job(cloud, repository, git_token)
    except (Surprise, subprocess.SubprocessError, OSError, requests.RequestException) as error:
        _say(f"FAILED: {error}")
        return 1
    _say("Everything was as expected.")
    return 0


def _agent_job(cloud: LocalCloud, repository: str, git_token: str) -> None:
    keys = {name: os.environ.get(name) or cloud.made_up_keys[name] for name in _KEYS}
    dashboard = Dashboard(cloud.url, keys["CLAIMCHECK_ADMIN_API_KEY"])
    job_id = _prepare(dashboard, repository, git_token)
    _say("A remote agent starts, in a process of its own. It only knows the URL and its own secret.")
    with _agent(dashboard, keys["CLAIMCHECK_AGENT_SECRET"]) as agent:
        lines = []
        for line in dashboard.follow_log(job_id, agent):
            print(f"    | {line}")
            lines.append(line)
        output, _ = agent.communicate(timeout=PATIENCE_SECONDS)
    _expect(agent.returncode == 0, f"the agent ended with {agent.returncode}: {output}")
    _expect(all(git_token not in line for line in [*lines, output]), "the git token is in the log")
    _check(dashboard, job_id)


_KEYS = ("CLAIMCHECK_ADMIN_API_KEY", "CLAIMCHECK_AGENT_SECRET")


def _prepare(dashboard: Dashboard, repository: str, git_token: str) -> str:
    admin, call = {"admin": True}, dashboard.call
    call("POST", "/api/admin/projects", **admin, json={"projectId": PROJECT, "name": PROJECT, "repo": repository})
    call("POST", "/api/admin/secrets", **admin, json={"projectId": PROJECT, "type": "github", "value": git_token})
    _say(f"An administrator registered the project {PROJECT} and stored its git token, envelope-encrypted.")
    dashboard.log_in()
    body = {"projectId": PROJECT, "jobType": "build", "payload": {"repo": repository}}
    job = call("POST", "/api/jobs/create", json=body)
    _expect(job["state"] == "pending", f"the new job is {job['state']}")
    _say(f"Somebody registered, logged in and created {job['jobId']}: build this repository's agent package.")
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
    _expect(job["state"] == "completed", f"the job is {job['state']}: {job['error']}")
    head = subprocess.run(  # noqa: S603
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"],  # noqa: S607  git, from the PATH
        check=True,
        capture_output=True,
        text=True,
    )
    _expect(job["result"]["commit"] == head.stdout.strip(), f"the result is {job['result']}")
    _say("The repository is private: the agent redeemed its one-time claim token for the git token to clone it.")
    _say(f"The job completed at attempt {job['attempt']}; its result: {job['result']}")
    artifacts = dashboard.call("GET", f"/api/jobs/{job_id}/artifacts")
    _expect(len(artifacts) == 1, f"the artifacts are {artifacts}")
    _compare(dashboard, artifacts[0])


def _compare(dashboard: Dashboard, artifact: dict[str, Any]) -> None:
    path = f"/api/projects/{PROJECT}/artifacts/{artifact['artifactId']}/download"
    content = requests.get(dashboard.call("GET", path)["downloadUrl"], timeout=TIMEOUT).content
    digest = hashlib.sha256(content).hexdigest()
    _expect(digest == artifact["sha256"], f"the download's SHA-256 is {digest}, not {artifact['sha256']}")
    _say(f"It uploaded {artifact['fileName']} ({artifact['size']} bytes) straight to S3; downloaded again,")
    _say(f"its SHA-256 is what the agent had computed: {digest}")


def _expect(condition: bool, otherwise: str) -> None:  # noqa: FBT001  reads as a sentence
    if not condition:
        raise Surprise(otherwise)


def _say(text: str) -> None:
    print(f"==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
