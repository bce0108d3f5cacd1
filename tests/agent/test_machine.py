"""What there is on this machine: sizes as people write them, and the limits of containers."""

from pathlib import Path

import pytest
from claimcheck_agent import machine


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("512", 512), ("2K", 2048), ("1.5g", 3 << 29), ("16G", 16 << 30), ("16GiB", 16 << 30), ("1TB", 1 << 40)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert machine.parse_size(text) == size
    assert machine.parse_size(machine.format_size(size)) == size


@pytest.mark.parametrize("text", ["", "0", "0.2", "-1", "G", "1X", "1 2", "1.G", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        machine.parse_size(text)


def test_sizes_are_written_in_their_largest_unit() -> None:
    assert [machine.format_size(size) for size in (1500, 2048, 5 << 20, 3 << 40)] == ["1500", "2K", "5M", "3T"]


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The limits of the container that the agent runs in; none yet."""
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    return tmp_path


def test_machine_without_limits_is_all_ours(container: Path) -> None:
    (container / "memory.max").write_text("max\n")
    (container / "cpu.max").write_text("max 100000\n")
    assert machine.memory_bytes() > 1 << 20
    assert machine.processors() >= 1


def test_limits_of_a_container_count(container: Path) -> None:
    (container / "memory.max").write_text("1048576\n")
    (container / "cpu.max").write_text("50000 100000\n")
    assert machine.memory_bytes() == 1 << 20
    assert machine.processors() == 1
