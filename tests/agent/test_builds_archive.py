"""The archive that a build delivers."""

import os
import tarfile
import time
from pathlib import Path

import pytest
from claimcheck_agent.builds.archive import pack


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_text("a = 1\n")
    (folder / "README.md").write_text("Grüße\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o750)
    return folder


def content(archive: Path) -> dict[str, tuple[int, bytes]]:
    with tarfile.open(archive) as opened:
        read = {member.name: (member.mode, opened.extractfile(member)) for member in opened}
        return {name: (mode, file.read()) for name, (mode, file) in read.items() if file}


def test_files_lie_under_one_folder(project: Path, tmp_path: Path) -> None:
    target = tmp_path / "sources.tar.gz"
    assert pack(project, ["src/a.py", "run", "README.md"], target, top="shop") == ["README.md", "run", "src/a.py"]
    assert content(target) == {
        "shop/README.md": (0o644, "Grüße\n".encode()),
        "shop/run": (0o755, b"#!/bin/sh\n"),
        "shop/src/a.py": (0o644, b"a = 1\n"),
    }


def test_same_files_make_the_same_bytes(project: Path, tmp_path: Path) -> None:
    archives = [tmp_path / name for name in ("one.tar.gz", "two.tar.gz")]
    pack(project, ["run", "src/a.py"], archives[0], top="shop")
    os.utime(project / "src" / "a.py", (time.time() + 99, time.time() + 99))
    (project / "run").chmod(0o700)
    pack(project, ["src/a.py", "run"], archives[1], top="shop")
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_what_is_no_file_of_the_project_is_left_out(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    (project / "link").symlink_to(tmp_path / "secret")
    (project / "folder").symlink_to(tmp_path)
    os.mkfifo(project / "pipe")
    target = tmp_path / "sources.tar.gz"
    wanted = ["run", "link", "folder/secret", "pipe", "src", "gone", "../secret", str(tmp_path / "secret")]
    assert pack(project, wanted, target, top="shop") == ["run"]
    assert list(content(target)) == ["shop/run"]
