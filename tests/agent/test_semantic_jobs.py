"""Batches that wait for semantic scores: the agent's own handler, with a real model of a few words."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from claimcheck_agent.runner import Ended
from claimcheck_agent.semantic_jobs import SemanticHandler

from tests.agent.conftest import Refusal, RunAgent, finish
from tests.agent.fake_jobs import FakeJob
from tests.agent.fake_server import FakeServer

SEMANTIC = ("--queue", "evaluations-semantic", "--threads", "1")
PAIRS = [("red", "dark"), ("", ""), ("red", "red green \u8d64"), ("", "red"), ("never", "red")]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    from tests.agent.tiny_model import LOOP, make_folder

    return make_folder(tmp_path / "model", graph=LOOP)


@pytest.fixture
def args(model: Path) -> tuple[str, ...]:
    return (*SEMANTIC, "--semantic-model", str(model))


def as_lines(pairs: list[tuple[str, str]]) -> bytes:
    rows = ({"row": n, "expected": one, "actual": two, "prompt": "?"} for n, (one, two) in enumerate(pairs))
    return b"\n".join(json.dumps(row, ensure_ascii=False).encode() for row in rows)


def add(server: FakeServer, content: bytes, **fields: Any) -> FakeJob:
    queue = "evaluations-semantic"
    return server.add("evaluation-batch", {}, project_id="", queue=queue, marked=content, stored=content, **fields)


class TestOutcomes:
    def test_similarity_of_each_line_is_the_result(
        self, server: FakeServer, run_agent: RunAgent, args: tuple[str, ...]
    ) -> None:
        job = add(server, as_lines(PAIRS))
        finish(run_agent("--once", *args))
        assert job.states == ["claimed", "running", "completed"]
        assert job.result == {"similarities": [0.707107, 1.0, 0.948683, 0.0, 0.0]}
        assert {shown["phase"] for shown in job.progress} <= {"downloading", "scoring"}
        assert job.lines == []
        assert not job.artifacts

    def test_agent_goes_from_job_to_job(
        self, server: FakeServer, run_agent: RunAgent, model: Path, tmp_path: Path
    ) -> None:
        jobs = [add(server, content) for content in (b"", as_lines([("red", "broken")]), as_lines([("red", "dark")]))]
        finish(run_agent("--max-jobs", "3", *SEMANTIC, CLAIMCHECK_SEMANTIC_MODEL=str(model.relative_to(tmp_path))))
        assert [job.state for job in jobs] == ["completed", "failed", "completed"]
        assert not any(job.lines for job in jobs)
        assert jobs[0].result == {"similarities": []}
        assert jobs[1].result
        assert "The agent's model could not score the texts: the model fails" in jobs[1].result["error"]
        assert jobs[2].result == {"similarities": [0.707107]}

    def test_bad_line_fails_the_job(self, server: FakeServer, run_agent: RunAgent, args: tuple[str, ...]) -> None:
        good = as_lines([("red", "green")])
        job = add(server, b"\n".join([good, b"{", good]))
        finish(run_agent("--once", *args))
        assert job.state == "failed"
        assert job.result == {"error": "Line 2 of the input is not JSON.", "exitCode": 1, "lastLines": []}

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            (b"", "is not JSON"),
            (b"\xff", "is not JSON"),
            (b"[" * 100_000, "is not JSON"),
            (b"[]", "is not a JSON object"),
            (b'{"expected": "red"}', "has no text in its field actual"),
            (b'{"expected": null, "actual": "red"}', "has no text in its field expected"),
        ],
    )
    def test_bad_line_is_named(self, tmp_path: Path, line: bytes, told: str) -> None:
        from claimcheck_agent.semantic import BadInput, read_pairs

        path = tmp_path / "input"
        path.write_bytes(b"\n".join([as_lines([("red", "green")]), line, b"{"]))
        pairs = read_pairs(path)
        assert next(pairs) == ("red", "green")
        with pytest.raises(BadInput, match=f"Line 2 of the input {told}"):
            next(pairs)

    def test_half_a_surrogate_pair_is_a_word_that_is_not_known(
        self, server: FakeServer, run_agent: RunAgent, args: tuple[str, ...]
    ) -> None:
        job = add(server, rb'{"expected": "red \ud83d", "actual": "red"}')
        finish(run_agent("--once", *args))
        assert job.result == {"similarities": [0.707107]}

    def test_input_that_changed_fails_the_job(
        self, server: FakeServer, run_agent: RunAgent, args: tuple[str, ...]
    ) -> None:
        job = add(server, as_lines(PAIRS))
        job.stored = b"something else"
        finish(run_agent("--once", *args))
        assert job.result == {"error": "the input was changed after it had been marked as uploaded"}

    def test_model_that_is_gone_fails_the_job(
        self, server: FakeServer, run_agent: RunAgent, args: tuple[str, ...], model: Path
    ) -> None:
        process = run_agent("--max-jobs", "1", *args)
        server.wait_for(lambda: server.requests("POST", "/claim$"))
        (model / "tokenizer.json").unlink()
        job = add(server, as_lines(PAIRS))
        finish(process)
        assert job.result
        assert "has no tokenizer.json" in job.result["error"]

    @pytest.mark.parametrize(
        ("code", "told"),
        [
            (-signal.SIGKILL, "needs more memory than this agent has"),
            (-signal.SIGSEGV, "internal error: the command was ended by SIGSEGV"),
        ],
    )
    def test_crash_is_explained(self, model: Path, code: int, told: str) -> None:
        ended = Ended(code=code, timed_out=False)
        assert told in SemanticHandler.using(model, threads=1).explain(ended)


class TestEndings:
    def begin(self, server: FakeServer, job: FakeJob) -> None:
        server.wait_for(lambda: {"phase": "scoring", "percent": 0} in job.progress)

    def test_cancel_is_learnt_of_while_the_model_runs(
        self, server: FakeServer, run_agent: RunAgent, args: tuple[str, ...]
    ) -> None:
        # The lease would be renewed after ten minutes only.
        job = add(server, as_lines([("slow", "red")]), lease_seconds=1800.0)
        process = run_agent("--once", *args)
        self.begin(server, job)
        server.cancel(job)
        finish(process)
        assert job.states == ["claimed", "running", "cancelling", "cancelled"]

    def test_lease_is_renewed_while_the_model_runs(
        self, server: FakeServer, run_agent: RunAgent, args: tuple[str, ...]
    ) -> None:
        job = add(server, as_lines([("slow", "red")]), lease_seconds=3.0)
        process = run_agent(*args)
        self.begin(server, job)
        server.wait_for(lambda: server.requests("POST", "/renew$"))
        process.send_signal(signal.SIGTERM)
        finish(process)
        assert job.states == ["claimed", "running", "pending"]


class TestUsage:
    def test_missing_model_is_asked_for(self, refusal: Refusal) -> None:
        told = refusal(*SEMANTIC)
        assert "give --semantic-model or set CLAIMCHECK_SEMANTIC_MODEL" in told

    @pytest.mark.parametrize("name", ["tokenizer.json", "model.onnx"])
    def test_folder_that_lacks_a_file_is_refused(
        self, refusal: Refusal, args: tuple[str, ...], model: Path, name: str
    ) -> None:
        (model / name).unlink()
        assert f"{model} has no {name}" in refusal(*args)

    def test_no_folder_at_all_is_refused(self, refusal: Refusal) -> None:
        told = refusal(*SEMANTIC, "--semantic-model", "/no/such")
        assert "/no/such is not a folder" in told

    def test_model_that_cannot_be_loaded_is_refused(self, refusal: Refusal, args: tuple[str, ...], model: Path) -> None:
        (model / "model.onnx").write_bytes(b"no model")
        assert f"--semantic-model: {model}/model.onnx cannot be loaded" in refusal(*args)

    def test_model_that_fails_is_refused(self, refusal: Refusal, args: tuple[str, ...], model: Path) -> None:
        # The unknown word gets a number beyond the model's table.
        tokenizer = json.loads((model / "tokenizer.json").read_bytes())
        tokenizer["model"]["vocab"]["[UNK]"] = 999
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
        assert "--semantic-model: the model fails at 2 texts of 512 tokens" in refusal(*args)

    @pytest.mark.parametrize("kind", ["evaluation-batch", "*"])
    def test_command_of_the_operator_comes_first(self, server: FakeServer, run_agent: RunAgent, kind: str) -> None:
        job = add(server, as_lines(PAIRS))
        finish(run_agent("--once", *SEMANTIC, "--on", f"{kind}=echo mine"))
        assert job.lines == ["mine"]
        assert not server.requests("GET", "/input$")
