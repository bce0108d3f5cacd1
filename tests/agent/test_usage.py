"""`claimcheck-agent run` used wrongly, or asked how it is used."""

from pathlib import Path

import pytest
from claimcheck_agent.cli import main

from tests.agent.conftest import SECRET, RunAgent, finish


def test_refused_agent_ends_with_1(run_agent: RunAgent) -> None:
    assert "does not accept this agent" in finish(run_agent("--on", "build=true", secret="wrong"), 1)


def test_missing_secret_is_asked_for(run_agent: RunAgent) -> None:
    assert "CLAIMCHECK_AGENT_SECRET" in finish(run_agent("--on", "build=true", secret=""), 2)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--on", "build"], "TYPE="),
        (["--on", "build=true", "--max-jobs", "0"], "--max-jobs"),
        (["--on", "build=true", "--time-limit", "-1"], "--time-limit"),
        (["--on", "build=true", "--pass-env", "CLAIMCHECK_AGENT_SECRET"], "never passed"),
        (["--on", "build=true", "--secret-file", "/no/such/file"], "/no/such/file"),
        (["--on", "build=true", "--secret-file", "/dev/null"], "empty"),
        (["--on", "build=true", "--url", "ftp://host"], "--url"),
        (["--on", "build=true", "--workdir", "/dev/null"], "/dev/null"),
        ([], "--on"),
        (["--queue", "gpu"], "--on"),
    ],
)
def test_wrong_usage_ends_with_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    args: list[str],
    told: str,
) -> None:
    monkeypatch.setenv("CLAIMCHECK_AGENT_SECRET", SECRET)
    basic = ["run", "--url", "http://127.0.0.1:1", "--id", "agent-1", "--workdir", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main([*basic, *args])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_help_explains_the_protocol(run_agent: RunAgent) -> None:
    text = finish(run_agent("--help"))
    for word in (
        "artifacts/",
        "result.json",
        "::progress",
        "CLAIMCHECK_PAYLOAD_",
        "SIGTERM",
        "8 KB",
        "[files]",
        "--memory",
        "[semantic]",
        "--semantic-model",
    ):
        assert word in text
