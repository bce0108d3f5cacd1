"""`claimcheck-agent run`, as its own process against a server over HTTP."""

import base64
import json
import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.agent.conftest import SECRET, RunAgent, finish
from tests.agent.fake_server import FakeServer


def pid_gone(pid: int) -> bool:
    """Say whether no such process runs (one that ended but was not reaped yet does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_job_is_done_from_claim_to_artifact(server: FakeServer, run_agent: RunAgent, tmp_path: Path) -> None:
    job = server.add("build", {"name": "world"})
    output = finish(
        run_agent(
            "--once",
            "--on",
            'build=echo "hello $CLAIMCHECK_PAYLOAD_NAME"; echo careful >&2; mkdir artifacts/out;'
            " cp job.json artifacts/out/; echo '{\"ok\": true}' > result.json",
        )
    )
    assert job.states == ["claimed", "running", "completed"]
    assert job.result == {"ok": True}
    assert [(entry["level"], entry["message"]) for entry in job.entries if "uploaded" not in entry["message"]] in (
        [("info", "hello world"), ("error", "careful")],
        [("error", "careful"), ("info", "hello world")],
    )
    ((name, content),) = server.state.delivered(job).items()
    assert name == "out-job.json"
    assert json.loads(content)["payload"] == {"name": "world"}
    assert list((tmp_path / "jobs").iterdir()) == []
    assert "completed after" in output


def test_failing_command_fails_the_job_with_its_last_lines(server: FakeServer, run_agent: RunAgent) -> None:
    job = server.add()
    finish(run_agent("--once", "--on", "build=seq 30; echo report > artifacts/report.txt; exit 3"))
    assert job.state == "failed"
    assert job.result == {
        "error": "the command ended with exit code 3",
        "exitCode": 3,
        "lastLines": [str(number) for number in range(11, 31)],
    }
    assert server.state.delivered(job) == {"report.txt": b"report\n"}


def test_failing_command_may_say_why(server: FakeServer, run_agent: RunAgent) -> None:
    job = server.add()
    finish(run_agent("--once", "--on", """build=echo '{"error": "no disk", "free": 0}' > result.json; exit 1"""))
    assert job.result == {"error": "no disk", "free": 0, "exitCode": 1, "lastLines": []}


def test_result_that_is_no_json_fails_the_job(server: FakeServer, run_agent: RunAgent) -> None:
    job = server.add()
    finish(run_agent("--once", "--on", "build=echo oops > result.json"))
    assert job.state == "failed"
    assert job.result
    assert "result.json is not JSON" in job.result["error"]


def test_type_without_a_handler_is_refused_by_name(server: FakeServer, run_agent: RunAgent) -> None:
    job = server.add("chat")
    finish(run_agent("--once", "--on", "build=true", "--on", "audit=true"))
    assert job.states == ["claimed", "running", "failed"]
    assert job.result == {"error": "this agent has no handler for jobs of type 'chat'; it serves: audit, build"}


def test_agent_serves_job_after_job(server: FakeServer, run_agent: RunAgent) -> None:
    jobs = [server.add(), server.add("broken"), server.add()]
    finish(run_agent("--max-jobs", "3", "--on", "*=true", "--on", "broken=false"))
    assert [job.state for job in jobs] == ["completed", "failed", "completed"]


def test_once_without_a_job_ends(run_agent: RunAgent) -> None:
    finish(run_agent("--once", "--on", "build=true"))


def test_python_callable_runs_in_its_own_process(server: FakeServer, run_agent: RunAgent, tmp_path: Path) -> None:
    job = server.add("train", {"epochs": 3})
    server.state.secrets["llm"] = "sk-0123456789"
    (tmp_path / "models.py").write_text(
        "import os\n"
        "def train(task):\n"
        "    print('key', task.secrets['llm'])\n"
        "    task.progress(percent=50)\n"
        "    (task.artifacts / 'model.bin').write_bytes(b'weights')\n"
        "    return {'epochs': task.payload['epochs'], 'leader': os.getpid() == os.getsid(0)}\n"
    )
    finish(run_agent("--once", "--on", "train=python:models:train", "--secrets", "train=llm"))
    assert job.result == {"epochs": 3, "leader": True}
    assert job.progress == [{"percent": 50}]
    assert "key ***" in job.lines
    assert server.state.delivered(job) == {"model.bin": b"weights"}


def test_python_callable_that_raises_fails_the_job(server: FakeServer, run_agent: RunAgent, tmp_path: Path) -> None:
    job = server.add()
    (tmp_path / "broken.py").write_text("def build(task):\n    raise LookupError('no such branch')\n")
    finish(run_agent("--once", "--on", "build=python:broken:build"))
    assert job.state == "failed"
    assert "LookupError: no such branch" in job.lines


def test_progress_lines_are_progress(server: FakeServer, run_agent: RunAgent) -> None:
    job = server.add()
    finish(
        run_agent("--once", "--on", """build=echo '::progress {"percent": 10}'; sleep 0.2; echo '::progress Packing'""")
    )
    assert job.progress == [{"percent": 10}, {"progress": "Packing"}]
    assert job.lines == []


@pytest.mark.parametrize(
    "line", ['{"self": 1}', '{"progress": ' + "[" * 600 + "]" * 600 + "}", '{"a": NaN}', "x" * 3000]
)
def test_progress_of_any_kind_does_not_stop_the_log(server: FakeServer, run_agent: RunAgent, line: str) -> None:
    job = server.add("build", {"line": line})
    finish(run_agent("--once", "--on", 'build=echo "::progress $CLAIMCHECK_PAYLOAD_LINE"; echo after'))
    assert job.lines[-1] == "after"
    assert (job.progress == [{"self": 1}]) or "progress was not reported" in job.lines[0]
    assert job.state == "completed"


def test_failing_command_may_name_its_details_as_it_likes(server: FakeServer, run_agent: RunAgent) -> None:
    job = server.add()
    finish(run_agent("--once", "--on", """build=echo '{"job": 1, "why": 2, "self": 3}' > result.json; exit 1"""))
    assert job.result
    assert (job.result["job"], job.result["why"], job.result["self"], job.result["exitCode"]) == (1, 2, 3, 1)


def test_large_payload_is_in_the_file_only(server: FakeServer, run_agent: RunAgent) -> None:
    job = server.add("build", {"x" * 200_000: 1, "y": "y" * 200_000, "z": "z"})
    finish(run_agent("--once", "--on", "build=env | grep -c ^CLAIMCHECK_PAYLOAD_; wc -c < job.json"))
    assert job.lines[0] == "1"
    assert int(job.lines[1]) > 400_000
    assert job.state == "completed"


def test_payload_never_becomes_code(server: FakeServer, run_agent: RunAgent, tmp_path: Path) -> None:
    evil = f"$(touch {tmp_path}/owned) `touch {tmp_path}/owned`; touch {tmp_path}/owned"
    job = server.add("build", {"name": evil, f"x;touch {tmp_path}/owned": 1})
    finish(run_agent("--once", "--on", 'build=echo "$CLAIMCHECK_PAYLOAD_NAME"'))
    assert job.lines == [evil]
    assert not (tmp_path / "owned").exists()


class TestSecrets:
    def test_command_gets_the_types_it_asks_for_and_no_others(self, server: FakeServer, run_agent: RunAgent) -> None:
        server.state.secrets |= {"github": "ghp_0123456789", "llm": "sk-0123456789", "drive": "drive-0123456789"}
        job = server.add()
        finish(
            run_agent(
                "--once",
                "--secrets",
                "build=github,llm",
                "--on",
                "build=env | grep -c ^CLAIMCHECK_SECRET_; ls $CLAIMCHECK_SECRETS_DIR;"
                " test $CLAIMCHECK_SECRET_GITHUB = ghp_0123456789"
                " && test $(cat $CLAIMCHECK_SECRETS_DIR/llm) = sk-0123456789",
            )
        )
        assert job.lines == ["2", "github", "llm"]
        assert job.state == "completed"
        (redeemed,) = server.requests("GET", "/secrets/")
        assert redeemed.query == "type=github%2Cllm"

    def test_command_that_asks_for_none_costs_no_redemption(self, server: FakeServer, run_agent: RunAgent) -> None:
        server.add()
        finish(run_agent("--once", "--on", "build=true", "--on", "other=true", "--secrets", "other=github"))
        assert not server.requests("GET", "/secrets/")

    def test_missing_secret_fails_the_job(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = server.add()
        finish(run_agent("--once", "--on", "build=true", "--secrets", "build=github"))
        assert job.state == "failed"
        assert job.result
        assert "github" in job.result["error"]

    def test_no_form_of_a_secret_leaves_the_machine(
        self, server: FakeServer, run_agent: RunAgent, tmp_path: Path
    ) -> None:
        canary = 'canary/value+with "all" äöü 100%'
        forms = {
            canary,
            quote(canary),
            quote(canary, safe=""),
            json.dumps(canary)[1:-1],
            base64.b64encode(canary.encode()).decode(),
        }
        within = base64.b64encode(f"user:{canary}".encode()).decode()
        server.state.secrets["github"] = canary
        server.add()
        (tmp_path / "forms.txt").write_text("".join(f"{form}\n" for form in (*forms, within)))
        (tmp_path / "tell.py").write_text(
            "import json, os\nprint(json.dumps({'error': os.environ['CLAIMCHECK_SECRET_GITHUB']}))\n"
        )
        output = finish(
            run_agent(
                "--once",
                "--secrets",
                "build=github",
                "--on",
                f"build=cat {tmp_path}/forms.txt; cat {tmp_path}/forms.txt >&2; "
                'echo "::progress $CLAIMCHECK_SECRET_GITHUB"; cat $CLAIMCHECK_SECRETS_DIR/github; echo;'
                f"{sys.executable} {tmp_path}/tell.py > result.json; exit 1",
                LANG="C.UTF-8",
            )
        )
        assert server.state.jobs["job_0"].state == "failed"
        everything = b"\n".join(seen.body for seen in server.seen if seen.method != "GET").decode() + output
        unescaped = everything.encode().decode("unicode_escape", errors="replace")
        for form in (*forms, within[8:-4]):
            assert form not in everything
            assert form not in unescaped

    def test_secrets_are_deleted_even_when_the_directory_is_kept(
        self, server: FakeServer, run_agent: RunAgent, tmp_path: Path
    ) -> None:
        server.state.secrets["github"] = "ghp_0123456789"
        server.add()
        finish(run_agent("--once", "--keep-workdir", "--on", "build=true", "--secrets", "build=github"))
        (kept,) = (tmp_path / "jobs").iterdir()
        assert (kept / "work" / "job.json").exists()
        assert not (kept / "secrets").exists()


class TestIsolation:
    def test_command_sees_only_what_it_needs(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = server.add("build", {"branch": "main"})
        finish(run_agent("--once", "--on", "build=env", "--pass-env", "WANTED", WANTED="yes"))
        names = {line.partition("=")[0] for line in job.lines}
        own = {name for name in names if name.startswith("CLAIMCHECK_")}
        assert names - own - {"PWD", "_", "SHLVL", "OLDPWD", "LANG"} == {"PATH", "HOME", "TMPDIR", "WANTED"}
        assert own == {
            f"CLAIMCHECK_{name}"
            for name in (
                *("JOB_ID", "JOB_TYPE", "PROJECT_ID", "ATTEMPT", "JOB_FILE", "WORKDIR"),
                *("ARTIFACTS_DIR", "RESULT_FILE", "SECRETS_DIR", "PAYLOAD_BRANCH"),
            )
        }

    def test_agents_own_secret_and_token_are_nowhere_to_be_found(
        self, server: FakeServer, run_agent: RunAgent, tmp_path: Path
    ) -> None:
        job = server.add()
        found = tmp_path / "found"
        finish(
            run_agent(
                "--once",
                "--on",
                # The command's parent is the guard; the parent of that is the agent.
                "build=agent=/proc/$(sed -n 's/^PPid:[^0-9]*//p' /proc/$PPID/status); (env; cat job.json;"
                " tr '\\0' '\\n' < /proc/$PPID/environ; tr '\\0' ' ' < /proc/$PPID/cmdline;"
                f" tr '\\0' '\\n' < $agent/environ; tr '\\0' ' ' < $agent/cmdline;"
                f" echo; ls -l /proc/self/fd) > {found} 2>&1; grep -c ^AGENT_ONLY= {found}",
            )
        )
        assert job.state == "completed"
        text = found.read_text()
        assert "--once" in text
        assert SECRET not in text
        assert "claimToken" not in text
        if os.geteuid() == 0:
            # Root may look into the agent's environment: it is the secret that is not there any more.
            assert job.lines == ["1"]

    def test_secret_may_come_from_a_file(self, server: FakeServer, run_agent: RunAgent, tmp_path: Path) -> None:
        job = server.add()
        file = tmp_path / "agent.secret"
        file.write_text(f"{SECRET}\n")
        finish(run_agent("--once", "--on", "build=true", "--secret-file", str(file), secret="wrong"))
        assert job.state == "completed"


class TestEndings:
    SLEEPER = "build=sleep 60 & echo $!; wait"

    def child(self, server: FakeServer) -> int:
        """Wait until the command has told its child's number."""
        job = server.state.jobs["job_0"]
        server.wait_for(lambda: job.lines)
        return int(job.lines[0])

    def test_cancel_ends_the_whole_group(self, server: FakeServer, run_agent: RunAgent, tmp_path: Path) -> None:
        job = server.add(lease_seconds=1.0)
        process = run_agent("--once", "--on", self.SLEEPER)
        child = self.child(server)
        server.cancel(job)
        finish(process)
        assert job.states == ["claimed", "running", "cancelling", "cancelled"]
        assert pid_gone(child)
        assert list((tmp_path / "jobs").iterdir()) == []

    def test_lost_lease_ends_the_group_without_a_word(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = server.add(lease_seconds=1.0)
        process = run_agent("--once", "--on", self.SLEEPER)
        child = self.child(server)
        server.take_away(job)
        finish(process)
        assert job.states == ["claimed", "running"]
        assert pid_gone(child)
        assert not server.requests("POST", "/release$")

    def test_lease_that_runs_out_in_an_outage_ends_the_group(self, server: FakeServer, run_agent: RunAgent) -> None:
        server.add(lease_seconds=1.0)
        process = run_agent("--once", "--on", self.SLEEPER)
        child = self.child(server)
        server.fault("POST", "/renew$", drop="before", times=1000)
        finish(process)
        assert pid_gone(child)

    def test_time_limit_fails_the_job(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = server.add()
        finish(run_agent("--once", "--on", self.SLEEPER, "--time-limit", "0.5"))
        assert job.state == "failed"
        assert job.result
        assert job.result["error"] == "the command was ended at the time limit of 0.5 s"
        assert pid_gone(int(job.lines[0]))

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signal_gives_the_job_back(
        self, server: FakeServer, run_agent: RunAgent, tmp_path: Path, number: signal.Signals
    ) -> None:
        job = server.add()
        process = run_agent("--on", self.SLEEPER + "; echo never")
        child = self.child(server)
        process.send_signal(number)
        finish(process)
        assert job.states == ["claimed", "running", "pending"]
        assert job.lines == [str(child)]
        assert pid_gone(child)
        assert list((tmp_path / "jobs").iterdir()) == []

    def test_last_lines_are_delivered_before_the_job_is_given_back(
        self, server: FakeServer, run_agent: RunAgent
    ) -> None:
        job = server.add()
        process = run_agent("--on", "build=trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.05; done")
        server.wait_for(lambda: job.lines)
        process.terminate()
        finish(process)
        assert [line for line in job.lines if line != "Terminated"] == ["ready", "bye"]
        assert job.states[-1] == "pending"

    def test_signal_while_waiting_ends_at_once(self, server: FakeServer, run_agent: RunAgent) -> None:
        server.state.retry_after = "60"
        process = run_agent("--on", "build=true")
        server.wait_for(lambda: server.requests("POST", "/claim$"))
        process.terminate()
        finish(process)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows all processes")
    def test_nothing_outlives_an_agent_that_is_killed(
        self, server: FakeServer, run_agent: RunAgent, tmp_path: Path
    ) -> None:
        server.state.secrets["github"] = "ghp_0123456789"
        server.add()
        process = run_agent("--on", f"{self.SLEEPER}; echo never", "--secrets", "build=github")
        child = self.child(server)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while not pid_gone(child):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert len(list((tmp_path / "jobs").glob("*/secrets/github"))) == 1
        assert "left behind" in finish(run_agent("--once", "--on", "other=true"))
        assert list((tmp_path / "jobs").iterdir()) == []

    def test_signal_ends_an_upload(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = server.add()
        server.fault("PUT", "/store/", status=503, times=1000)
        process = run_agent("--on", "build=echo content > artifacts/file; echo done")
        server.wait_for(lambda: server.requests("PUT", "/store/"))
        process.terminate()
        finish(process)
        assert job.states == ["claimed", "running", "pending"]

    def test_stubborn_command_is_killed(self, server: FakeServer, run_agent: RunAgent) -> None:
        job = server.add()
        process = run_agent("--grace", "0.3", "--on", "build=trap '' TERM; echo $$; while :; do sleep 0.05; done")
        child = self.child(server)
        process.terminate()
        finish(process)
        assert job.state == "pending"
        assert pid_gone(child)
