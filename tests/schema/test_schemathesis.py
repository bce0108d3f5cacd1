"""Schemathesis over the API's whole document: every check of every phase, links between operations followed."""

import os
import re
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, Bench
from tests.support.contracts import Page
from tests.support.evaluations import Evaluations

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
EXAMPLES = os.environ.get("CLAIMCHECK_FUZZ_EXAMPLES")
LINKS = 12
"""Of those that the document has, so many at least are followed in a usual run."""
SCENARIOS = "max-examples = 30"
# A third of all there is to cover are the parameters of the steps of file jobs, of which tests/engine has its own.
BRIEF = """
[[operations]]
include-operation-id = "files_create_job"
phases.coverage.enabled = false
"""


@pytest.fixture
def _nothing_leaves_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up webhooks and agents have made-up hosts."""
    resolve = socket.getaddrinfo

    def local(host: Any, *arguments: Any, **more: Any) -> Any:
        if host not in {"127.0.0.1", "localhost", None}:
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        return resolve(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", local)


@pytest.fixture
def environment(api: Api, _nothing_leaves_the_machine: None) -> Iterator[dict[str, str]]:
    """Somebody of every kind, and a claimed job with a secret to redeem."""
    email = f"{uuid.uuid4().hex}@example.com"
    bench = Bench(api, api.user(email), api.agent(), api.project(), f"q-{uuid.uuid4().hex[:12]}")
    bench.secret("ghp_1")
    job_id, token = bench.claimed()
    data_set = Evaluations(bench.user).upload()
    page = Page(api).register()
    yield {
        **os.environ,
        "HOOKS": str(HERE / "hooks.py"),
        "API_URL": api.url,
        "USER_TOKEN": bench.user.headers["Authorization"].removeprefix("Bearer "),
        "AGENT_ID": bench.agent.headers["X-Colab-Id"],
        "AGENT_SECRET": api.agent_secret,
        "ADMIN_KEY": api.admin_key,
        "ACCESS_COOKIE": page.session.cookies["evium_access"],
        "CSRF_TOKEN": page.csrf,
        "CLAIM_TOKEN": token,
        "PROJECT_ID": bench.project_id,
        "JOB_ID": job_id,
        "DATA_SET": data_set,
        "DATA_SET_URL": f"s3://claimcheck/{data_set}",
        "EMAIL": email,
        "PASSWORD": "correct horse",
    }
    assert bench.job(job_id)["claimedBy"] == bench.agent.headers["X-Colab-Id"], "tokens could be had to the end"


def test_api_is_what_its_document_says(environment: dict[str, str], tmp_path: Path) -> None:
    """With ``CLAIMCHECK_FUZZ_EXAMPLES`` for as many made-up requests an operation; the few of a usual run are fixed."""
    config = tmp_path / "schemathesis.toml"
    usual = (HERE / "schemathesis.toml").read_text()
    config.write_text(usual.replace(SCENARIOS, f"max-examples = {EXAMPLES}") if EXAMPLES else usual + BRIEF)
    url, examples = f"{environment['API_URL']}/openapi.json", EXAMPLES or "4"
    options = ("--max-examples", examples, "--checks", "all", "--continue-on-failure", "--no-color")
    run = subprocess.run(  # noqa: S603  our own arguments
        [SCHEMATHESIS, "--config-file", config, "run", url, *options],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in run.stdout, run.stdout
    followed = re.search(r"API Links: +(\d+) covered", run.stdout)
    assert followed, run.stdout
    assert int(followed[1]) >= LINKS, run.stdout
