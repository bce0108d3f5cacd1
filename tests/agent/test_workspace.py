"""A job's directory: private, and careful with what a command may leave in it."""

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from claimcheck_agent.environment import command_environment
from claimcheck_agent.leftovers import DirectoryLock
from claimcheck_agent.workspace import RESULT_LIMIT, Workspace, prepare_parent

JOB: dict[str, Any] = {"jobId": "job_1", "type": "build", "projectId": "app", "attempt": 2, "payload": {"a": "ü"}}


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "jobs", JOB, {"github": "ghp_0123456789"})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_for_this_user_only(space: Workspace) -> None:
    for folder in (space.root, space.work, space.artifacts, space.secrets, space.tmp):
        assert mode(folder) == 0o700
    for file in (space.job_file, space.secrets / "github"):
        assert mode(file) == 0o600


def test_secrets_lie_outside_the_working_directory(space: Workspace) -> None:
    assert space.work not in space.secrets.parents
    space.remove_secrets()
    assert not space.secrets.exists()


def test_job_id_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    space = Workspace.create(tmp_path / "jobs", JOB | {"jobId": "../../etc/passwd"}, {})
    assert space.root.parent == (tmp_path / "jobs").resolve()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory of somebody else")
def test_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(ValueError, match="another user"):
        Workspace.create(tmp_path / "theirs", JOB, {})


def test_result_is_read(space: Workspace) -> None:
    assert space.result() is None
    space.result_file.write_text('{"ok": true}')
    assert space.result() == {"ok": True}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[1]", "JSON object"),
        ('{"a": NaN}', "NaN"),
        ("[" * 100_000, "not JSON"),
        ('{"a": "' + "x" * RESULT_LIMIT + '"}', "larger than"),
    ],
)
def test_result_that_is_none_is_explained(space: Workspace, text: str, told: str) -> None:
    space.result_file.write_text(text)
    with pytest.raises(ValueError, match=told):
        space.result()


def test_result_may_not_be_a_link(space: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"secret": 1}')
    space.result_file.symlink_to(tmp_path / "secret.json")
    with pytest.raises(ValueError, match="cannot be read"):
        space.result()


def test_artifacts_are_plain_files_only(space: Workspace, tmp_path: Path) -> None:
    (space.artifacts / "b.txt").write_text("b")
    (space.artifacts / "a").mkdir()
    (space.artifacts / "a" / "deep.txt").write_text("deep")
    (space.artifacts / "empty").touch()
    (space.artifacts / "link").symlink_to("/etc/passwd")
    (space.artifacts / "folder-link").symlink_to(tmp_path)
    os.mkfifo(space.artifacts / "pipe")
    found = {str(path): file and file.read() for path, file in space.collect()}
    expected = dict.fromkeys(("empty", "link", "folder-link", "pipe"))
    assert found == expected | {"b.txt": b"b", "a/deep.txt": b"deep"}


@pytest.mark.parametrize("replaced", ["artifacts", "artifacts/deep", "."])
def test_artifacts_behind_a_link_are_left_alone(space: Workspace, tmp_path: Path, replaced: str) -> None:
    (tmp_path / "theirs" / "artifacts").mkdir(parents=True)
    (tmp_path / "theirs" / "private").write_text("private")
    (tmp_path / "theirs" / "artifacts" / "private").write_text("private")
    folder = space.work / replaced
    if folder.exists():
        shutil.rmtree(folder)
    folder.symlink_to(tmp_path / "theirs")
    assert [file for _, file in space.collect() if file] == []


def test_removed_artifacts_are_none(space: Workspace) -> None:
    space.artifacts.rmdir()
    assert list(space.collect()) == []


class TestLeftovers:
    def another_agent(self, root: Path, *, held: bool) -> Path:
        """Make a directory as another process would have, which holds its lock or has been killed."""
        (root / "work").mkdir(parents=True)
        (root / "work").chmod(0o500)
        (root / "secrets").mkdir()
        (root / "secrets" / "github").write_text("ghp")
        lock = DirectoryLock.take(root)
        if not held:
            os.close(lock._descriptor)
        return root

    def test_directory_of_a_killed_agent_is_removed(self, tmp_path: Path) -> None:
        left = self.another_agent(tmp_path / "jobs" / "job_0-x", held=False)
        Workspace.create(tmp_path / "jobs", JOB, {})
        assert not left.exists()

    def test_directory_in_use_stays(self, tmp_path: Path) -> None:
        used = self.another_agent(tmp_path / "jobs" / "job_0-x", held=True)
        prepare_parent(tmp_path / "jobs")
        assert (used / "secrets" / "github").exists()

    def test_directory_that_is_kept_stays(self, tmp_path: Path, space: Workspace) -> None:
        space.keep()
        prepare_parent(tmp_path / "jobs")
        assert space.job_file.exists()

    def test_what_is_not_ours_stays(self, tmp_path: Path) -> None:
        left = self.another_agent(tmp_path / "elsewhere", held=False)
        (tmp_path / "jobs" / "photos").mkdir(parents=True)
        (tmp_path / "jobs" / "link").symlink_to(left)
        (tmp_path / "jobs" / "file").touch()
        prepare_parent(tmp_path / "jobs")
        assert {path.name for path in (tmp_path / "jobs").iterdir()} == {"photos", "link", "file"}
        assert (left / "secrets" / "github").exists()

    def test_directory_that_cannot_be_filled_is_removed(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            Workspace.create(tmp_path / "jobs", JOB, {"a": "secret", "no/such": "secret"})
        assert list((tmp_path / "jobs").iterdir()) == []


def test_what_a_command_made_read_only_is_removed_too(space: Workspace) -> None:
    locked = space.work / "locked"
    locked.mkdir()
    (locked / "file").write_text("x")
    locked.chmod(0o500)
    space.remove()
    assert not space.root.exists()


def test_tree_of_any_depth_is_removed(space: Workspace, tmp_path: Path) -> None:
    """Deeper than functions can call each other, and with paths longer than the kernel takes."""
    (space.work / "link").symlink_to(tmp_path)
    (tmp_path / "theirs").touch()
    for name in ("one", "another"):
        folder = os.open(space.work, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir(name, dir_fd=folder)
            inner = os.open(name, os.O_RDONLY, dir_fd=folder)
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
            os.fchmod(folder, 0o500)
            os.close(folder)
            folder = inner
        os.close(folder)
        space.work.chmod(0o700)
    space.remove()
    assert not space.root.exists()
    assert (tmp_path / "theirs").exists()


def test_environment_holds_the_payload_by_name(space: Workspace) -> None:
    payload = {"branch": "main", "buildNo": 7, "a-b": True, "none": None, "list": [1], "nul": "\0"}
    payload |= {"k" * 65: "long key", "big": "x" * 8193, "k" * 64: "x" * 8192}
    env = command_environment(JOB | {"payload": payload}, space, {}, [])
    given = {name: value for name, value in env.items() if name.startswith("CLAIMCHECK_PAYLOAD_")}
    assert given == {
        "CLAIMCHECK_PAYLOAD_BRANCH": "main",
        "CLAIMCHECK_PAYLOAD_BUILDNO": "7",
        "CLAIMCHECK_PAYLOAD_A_B": "true",
        f"CLAIMCHECK_PAYLOAD_{'K' * 64}": "x" * 8192,
    }


@pytest.mark.parametrize("payload", [None, "text", [1, 2], 3])
def test_payload_that_is_no_object_has_no_names(space: Workspace, payload: object) -> None:
    env = command_environment(JOB | {"payload": payload}, space, {}, [])
    assert not [name for name in env if "PAYLOAD" in name]


def test_environment_inherits_only_what_is_named(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANTED", "yes")
    monkeypatch.setenv("UNWANTED", "no")
    env = command_environment(JOB, space, {"github": "ghp"}, ["WANTED", "UNSET"])
    assert env["WANTED"] == "yes"
    assert env["CLAIMCHECK_SECRET_GITHUB"] == "ghp"
    assert not {"UNWANTED", "UNSET"} & set(env)
