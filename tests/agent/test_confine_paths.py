"""Paths that somebody else chose: either within the project, or refused."""

from pathlib import Path

import pytest
from claimcheck_agent.confine.paths import OutsideProject, inside
from hypothesis import given
from hypothesis import strategies as st

PARTS = st.sampled_from(
    ["..", ".", "a", "b", "", "out", "loop", "in", "x" * 300, "\0", "é", "~", "C:", "con", " ", "-"]
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("around") / "project"
    (made / "a" / "b").mkdir(parents=True)
    (made / "file").write_text("")
    (made / "out").symlink_to(made.parent)
    (made / "a" / "absolute").symlink_to("/etc")
    (made / "loop").symlink_to("loop")
    (made / "in").symlink_to("a/b")
    (made / "self").symlink_to(".")
    (made / "dangling").symlink_to("../not-there")
    return made


@pytest.mark.parametrize(
    "path", ["file", "new", "a/new/deep.py", "./a", "a//b", "in/new", "self/file", "...", "a b", "é.py", "-rf"]
)
def test_inside(root: Path, path: str) -> None:
    assert inside(root, path) == (root / path).resolve()


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "./", "/", "/etc/passwd", "//etc", "..", "../x", "a/..", "a/../..", "a/../file", "self"),
        *("out", "out/x", "a/absolute", "a/absolute/passwd", "loop", "loop/x", "dangling", "dangling/x"),
        *("a\0", "a\nb", "a\x1b[0m", "\x7f", "a\\b", "..\\x", "\ud800", "x" * 256, "é" * 130, "x/" * 40, "y" * 600),
    ],
    ids=ascii,
)
def test_outside(root: Path, path: str) -> None:
    with pytest.raises(OutsideProject) as refused:
        inside(root, path)
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 600


@given(st.lists(PARTS, max_size=6))
def test_never_leads_out(root: Path, parts: list[str]) -> None:
    try:
        found = inside(root, "/".join(parts))
    except OutsideProject:
        return
    assert found.is_relative_to(root.resolve())
    assert found != root.resolve()


def test_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert inside(tmp_path / "link", "file") == root.resolve() / "file"
