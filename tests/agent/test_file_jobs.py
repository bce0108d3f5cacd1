"""File jobs: the agent's own handler, with a stand-in for the engine where it has to misbehave or to take its time."""

import gzip
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.agent.conftest import Refusal, RunAgent, finish
from tests.agent.fake_jobs import FakeJob
from tests.agent.fake_server import FakeServer

CSV = b"name,age\nAda,36\nGrace,45\nAlan,41\n"
OLDER = {"type": "filter", "params": {"column": "age", "operator": "gt", "value": 40}}
ORDER = {"file_name": "people.csv", "processing_steps": [], "options": {}}

# What the agent's command needs of the engine; each test says what `process` does.
STAND_IN = {
    "errors": "class TabularError(Exception): ...\nclass NeedsMore(TabularError): ...\n",
    "naming": "def output_name(name, suffix): return name.partition('.')[0] + '_processed' + suffix\n",
    "steps": "class Options:\n    model_validate = staticmethod(dict)\nStep = dict\n",
}
PROCESS = """
import os, signal, time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace as Plan, SimpleNamespace as Limits
from typing import Any
from .errors import NeedsMore, TabularError

@dataclass
class Output:
    path: Path
    suffix: str
    content_type: str
    report: Any

def process(source, folder, plan, limits, monitor):
    print('begun', flush=True)
    monitor(0.0)
"""
SUCCEED = "path = folder / 'made'; path.write_bytes(source.read_bytes().upper()); \
return Output(path, '.csv', 'text/csv', {'limits': vars(limits), 'plan': vars(plan)})"
WORK_ON = "while True: monitor(0.0); time.sleep(0.05)"


@pytest.fixture
def engine(tmp_path: Path) -> dict[str, str]:
    """The variables with which the agent's command finds the stand-in, which `doing` fills in."""
    folder = tmp_path / "engine" / "claimcheck_tabular"
    folder.mkdir(parents=True)
    for name, text in STAND_IN.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "__init__.py").touch()
    return {"PYTHONPATH": str(folder.parent)}


def doing(engine: dict[str, str], what: str) -> dict[str, str]:
    (Path(engine["PYTHONPATH"]) / "claimcheck_tabular" / "process.py").write_text(f"{PROCESS}    {what}\n")
    return engine


def add(server: FakeServer, content: bytes = CSV, **fields: Any) -> FakeJob:
    order = ORDER | {name: fields.pop(name) for name in ORDER if name in fields}
    return server.add("file", order, project_id="", queue="files-large", marked=content, stored=content, **fields)


FILES = ("--queue", "files-large", "--pass-env", "PYTHONPATH")


class TestOutcomes:
    def test_file_is_processed(self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]) -> None:
        job = add(server)
        limits = ("--memory", "1.5G", "--threads", "3", "--expanded-limit", "7M")
        output = finish(run_agent("--once", *FILES, *limits, **doing(engine, SUCCEED)))
        assert job.states == ["claimed", "running", "completed"]
        assert job.result
        report = job.result.pop("report")
        assert report["limits"].pop("temp_bytes") > 0
        assert report == {
            "limits": {"memory_bytes": 3 << 29, "threads": 3, "expanded_bytes": 7 << 20},
            "plan": {"file_name": "people.csv", "steps": [], "options": {}},
        }
        key = "output/job_0/1/artifact_0/people_processed.csv"
        assert job.result == {"output": {"object_key": key, "file_name": "people_processed.csv", "size": len(CSV)}}
        assert server.state.delivered(job) == {"people_processed.csv": CSV.upper()}
        (announced,) = server.requests("POST", "/artifacts$")
        assert announced.json()["contentType"] == "text/csv"
        assert "phase downloading" in output
        assert {shown["phase"] for shown in job.progress} <= {"downloading", "processing", "uploading"}

    def test_output_goes_in_parts(self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]) -> None:
        server.state.multipart_above, server.state.part_size = 10_000, 4000
        content = b"x" * 25_000
        job = add(server, content)
        finish(run_agent("--once", *FILES, **doing(engine, SUCCEED)))
        assert job.state == "completed"
        assert server.state.delivered(job) == {"people_processed.csv": content.upper()}
        assert len(server.requests("PUT", "/store/")) == 7

    @pytest.mark.parametrize(
        ("what", "told"),
        [
            ("raise TabularError('Line 3 has 4 fields.')", "Line 3 has 4 fields."),
            ("raise NeedsMore('It takes 9 GB.')", "It takes 9 GB. This is the agent for large files;"),
            ("raise KeyError('oops')", "because of an internal error (KeyError)."),
            ("os.kill(os.getpid(), signal.SIGKILL)", "most likely that needs more memory than this agent has."),
            ("os.kill(os.getpid(), signal.SIGSEGV)", "the command was ended by SIGSEGV."),
        ],
    )
    def test_failure_is_explained(
        self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str], what: str, told: str
    ) -> None:
        job = add(server)
        finish(run_agent("--once", *FILES, **doing(engine, f"(folder / 'half').touch(); {what}")))
        assert job.states == ["claimed", "running", "failed"]
        assert job.result
        assert told in job.result["error"]
        assert "Traceback" not in job.result["error"]
        assert not job.artifacts

    def test_agent_goes_on_after_a_crash(self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]) -> None:
        jobs = [add(server, b"bad"), add(server)]
        crash = "if source.read_bytes() == b'bad': os.kill(os.getpid(), signal.SIGKILL)\n    "
        finish(run_agent("--max-jobs", "2", *FILES, **doing(engine, crash + SUCCEED)))
        assert [job.state for job in jobs] == ["failed", "completed"]

    def test_input_that_changed_fails_the_job(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = add(server)
        job.stored = b"something else"
        finish(run_agent("--once", *FILES))
        assert job.states == ["claimed", "running", "failed"]
        assert job.result == {"error": "the input was changed after it had been marked as uploaded"}
        assert "Traceback" not in "".join(job.lines)

    def test_download_is_resumed(self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]) -> None:
        job = add(server)
        server.fault("GET", "^/inputs/", cut=10)
        finish(run_agent("--once", *FILES, **doing(engine, SUCCEED)))
        assert server.state.delivered(job) == {"people_processed.csv": CSV.upper()}
        assert [get.headers.get("range") for get in server.requests("GET", "^/inputs/")] == [None, "bytes=10-"]

    def test_store_that_refuses_the_output_fails_the_job(
        self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]
    ) -> None:
        job = add(server)
        server.fault("PUT", "/store/", status=403)
        finish(run_agent("--once", *FILES, **doing(engine, SUCCEED)))
        assert job.state == "failed"
        assert job.result
        assert "the store answered 403" in job.result["error"]


class TestEngine:
    """With the engine itself, which has tests of its own."""

    def test_file_is_processed(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = add(server, processing_steps=[OLDER])
        finish(run_agent("--once", *FILES))
        assert job.result
        assert job.result["report"]["rows_in"] == 3
        assert job.result["report"]["rows_out"] == 2
        assert server.state.delivered(job) == {"people_processed.csv": b"name,age\nGrace,45\nAlan,41\n"}

    def test_bad_file_is_explained(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = add(server, CSV + b"too,many,fields\n", processing_steps=[OLDER])
        finish(run_agent("--once", *FILES))
        assert job.states == ["claimed", "running", "failed"]
        assert job.result
        assert "5" in job.result["error"]
        assert job.result["lastLines"] == []

    def test_file_that_grows_beyond_the_limit_is_refused(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = add(server, gzip.compress(CSV * 1000), file_name="people.csv.gz")
        finish(run_agent("--once", "--expanded-limit", "10K", *FILES))
        assert job.state == "failed"
        assert not job.artifacts

    def test_unknown_steps_are_told(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = add(server, processing_steps=[{"type": "transmogrify", "params": {}}])
        finish(run_agent("--once", *FILES))
        assert job.result
        assert "is it older than the server?" in job.result["error"]
        assert job.result["lastLines"] == []


class TestEndings:
    def begin(self, server: FakeServer, job: FakeJob) -> None:
        """Wait until the engine is at work, and all has been said that there is to be said of it."""
        server.wait_for(lambda: "begun" in job.lines and {"phase": "processing", "percent": 0} in job.progress)

    def test_cancel_is_learnt_of_within_seconds(
        self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str], tmp_path: Path
    ) -> None:
        # The lease would be renewed after ten minutes only.
        job = add(server, lease_seconds=1800.0)
        process = run_agent("--once", *FILES, **doing(engine, WORK_ON))
        self.begin(server, job)
        server.cancel(job)
        finish(process)
        assert job.states == ["claimed", "running", "cancelling", "cancelled"]
        assert not job.artifacts
        assert not server.requests("POST", "/renew$")
        assert list((tmp_path / "jobs").iterdir()) == []

    def test_cancel_ends_an_engine_that_does_not_listen(
        self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]
    ) -> None:
        job = add(server)
        process = run_agent("--once", *FILES, **doing(engine, "time.sleep(60)"))
        self.begin(server, job)
        server.cancel(job)
        finish(process)
        assert job.state == "cancelled"

    def test_lost_lease_ends_it_without_a_word(
        self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]
    ) -> None:
        job = add(server)
        process = run_agent("--once", *FILES, **doing(engine, WORK_ON))
        self.begin(server, job)
        server.take_away(job)
        finish(process)
        assert job.states == ["claimed", "running"]
        assert not job.artifacts
        assert not server.requests("POST", "/release$")

    def test_job_lost_with_the_last_of_its_work_uploads_nothing(
        self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]
    ) -> None:
        job = add(server)
        gate = threading.Event()
        server.fault("POST", "/artifacts$", gate=gate)
        process = run_agent("--once", *FILES, **doing(engine, SUCCEED))
        server.wait_for(lambda: server.requests("POST", "/artifacts$"))
        server.take_away(job)
        gate.set()
        finish(process)
        assert job.states == ["claimed", "running"]
        assert not job.artifacts

    def test_sigterm_gives_the_job_back(self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]) -> None:
        job = add(server)
        process = run_agent(*FILES, **doing(engine, WORK_ON))
        self.begin(server, job)
        process.send_signal(signal.SIGTERM)
        finish(process)
        assert job.states == ["claimed", "running", "pending"]
        assert not job.artifacts

    def test_sigterm_ends_a_download(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = add(server)
        server.fault("GET", "^/inputs/", drop="before", times=1000)
        process = run_agent(*FILES)
        server.wait_for(lambda: server.requests("GET", "^/inputs/"))
        process.send_signal(signal.SIGTERM)
        finish(process)
        assert job.states == ["claimed", "running", "pending"]

    def test_cancel_ends_an_upload(self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]) -> None:
        server.state.multipart_above, server.state.part_size = 1000, 1000
        job = add(server, b"x" * 5000)
        gate = threading.Event()
        server.fault("PUT", "/store/", gate=gate)
        process = run_agent("--once", *FILES, **doing(engine, SUCCEED))
        server.wait_for(lambda: server.requests("PUT", "/store/"))
        server.cancel(job)
        said = len(server.requests("PATCH", ""))
        # The answer to the second of these has certainly told of the cancel.
        server.wait_for(lambda: len(server.requests("PATCH", "")) >= said + 2)
        gate.set()
        finish(process)
        assert job.states[-2:] == ["cancelling", "cancelled"]
        assert not server.requests("POST", "/complete$")

    def test_time_limit_fails_the_job(self, server: FakeServer, run_agent: RunAgent, engine: dict[str, str]) -> None:
        job = add(server)
        finish(run_agent("--once", "--time-limit", "0.5", *FILES, **doing(engine, "time.sleep(60)")))
        assert job.state == "failed"
        assert job.result
        assert "time limit of 0.5 s" in job.result["error"]


class TestUsage:
    def test_other_queues_need_a_command(self, refusal: Refusal) -> None:
        assert "--on is required" in refusal("--queue", "gpu")

    @pytest.mark.parametrize("size", ["0", "much", "-1G", "1X"])
    def test_sizes_are_checked(self, refusal: Refusal, size: str) -> None:
        assert "--memory" in refusal("--queue", "files-large", f"--memory={size}")

    @pytest.mark.parametrize("kind", ["file", "*"])
    def test_command_of_the_operator_comes_first(self, server: FakeServer, run_agent: RunAgent, kind: str) -> None:
        job = add(server)
        finish(run_agent("--once", *FILES, "--on", f"{kind}=echo mine"))
        assert job.lines == ["mine"]
        assert not server.requests("GET", "/input$")
