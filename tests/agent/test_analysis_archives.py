"""What is unpacked of an archive that anybody may have made, and what is not."""

import gzip
import io
import re
import tarfile
import zipfile
from itertools import permutations
from pathlib import Path

import pytest
from claimcheck_agent.analysis import sources, unpack
from claimcheck_agent.analysis.sources import SourceFailed, project_folder, unpack_archive

from tests.agent.analysis_corpus import tar_of, zip_of


def member(name: str, size: int = 0, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def tar(*members: tarfile.TarInfo, mode: str = "w:gz", content: bytes | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]  # any mode
        for one in members:
            archive.addfile(one, io.BytesIO(bytes(one.size) if content is None else content))
    return packed.getvalue()


def zipped(name: str, content: bytes = b"", mode: int = 0) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    return made


def put(folder: Path, content: bytes) -> Path:
    archive = folder.parent / "input"
    archive.write_bytes(content)
    return archive


def held(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


FILES = {"shop/a.py": "a = 1\n", "shop/sub/é.py": "b = 2\n", "README": ""}


@pytest.mark.parametrize(
    "packed",
    [
        tar_of(FILES),
        zip_of(FILES),
        *(
            tar(*(member(name, len(text)) for name, text in {"a.py": "a = 1\n"}.items()), mode=mode, content=b"a = 1\n")
            for mode in ("w", "w:bz2", "w:xz")
        ),
        # The last file of this one is a zip archive, and ends as one does.
        tar(member("a.zip", len(zip_of(FILES))), mode="w", content=zip_of(FILES)),
    ],
    ids=["tgz", "zip", "tar", "bz2", "xz", "zip in tar"],
)
def test_archives_are_unpacked(folder: Path, packed: bytes) -> None:
    assert unpack.unpack(put(folder, packed), folder) == 0
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names in ({"a.py"}, {"a.zip"}, set(FILES))
    if names == set(FILES):
        assert held(folder) == FILES


@pytest.mark.parametrize(
    "packed",
    [
        *(tar(member(name, 3)) for name in ("../evil.py", "a/../../evil.py", "/tmp/evil.py")),  # noqa: S108
        *(zipped(name, b"x") for name in ("../evil.py", "a/../../evil.py", "/tmp/evil.py")),  # noqa: S108
        tar(member("..", type=tarfile.DIRTYPE)),
    ],
    ids=["tar up", "tar in and up", "tar root", "zip up", "zip in and up", "zip root", "folder above"],
)
def test_paths_that_lead_out_are_refused(folder: Path, packed: bytes) -> None:
    with pytest.raises(unpack.Refused, match="leads out of it"):
        unpack.unpack(put(folder, packed), folder)
    assert held(folder) == {}


@pytest.mark.parametrize(
    "packed",
    [
        tar(member("a", type=tarfile.SYMTYPE, linkname="/etc"), member("a/passwd.py", 3)),
        tar(member("a.py", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
        tar(member("a.py", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
        tar(member("a.py", type=tarfile.CHRTYPE, devmajor=1, devminor=5)),
        tar(member("a.py", type=tarfile.FIFOTYPE)),
        tar(member("a\nb.py", 3)),
        zipped("a.py", b"/etc/passwd", mode=0o120777),
        zipped("a\x07.py", b"x"),
    ],
    ids=["link as folder", "symlink", "hard link", "device", "fifo", "line break", "zip symlink", "bell"],
)
def test_all_but_folders_and_plain_files_is_left_out(folder: Path, packed: bytes) -> None:
    assert unpack.unpack(put(folder, packed), folder) == 1
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    assert set(held(folder)) <= {"a/passwd.py"}


@pytest.mark.parametrize("packed", [tar(member("a.py", 1 << 24)), zipped("a.py", bytes(1 << 24))], ids=["tar", "zip"])
def test_bombs_are_refused_before_they_are_unpacked(folder: Path, packed: bytes) -> None:
    with pytest.raises(unpack.Refused, match="more than 10 MB, or is compressed more than code can be"):
        unpack.unpack(put(folder, packed), folder)
    assert held(folder) == {}


def test_size_and_number_are_limited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = put(folder, tar(member("a.py", 600_000), member("b.py", 600_000), mode="w"))
    monkeypatch.setattr(unpack, "MOST_ENTRIES", 1)
    with pytest.raises(unpack.Refused, match="more than 1 entries"):
        unpack.unpack(archive, folder)
    monkeypatch.undo()
    monkeypatch.setattr(unpack, "LARGEST", 1 << 20)
    with pytest.raises(unpack.Refused, match="more than 1 MB"):
        unpack.unpack(archive, folder)


@pytest.mark.parametrize("packed", [tar(member("a/" * 800 + "b.py")), zipped("a/" * 800)], ids=["tar", "zip"])
def test_depth_is_limited(folder: Path, packed: bytes) -> None:
    with pytest.raises(unpack.Refused, match="paths of more than 64 parts"):
        unpack.unpack(put(folder, packed), folder)
    assert list(folder.iterdir()) == []


def test_folders_count_whether_they_are_entries_or_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_ENTRIES", 4)
    listed = (member("a", type=tarfile.DIRTYPE), member("a/b", type=tarfile.DIRTYPE))
    assert unpack.unpack(put(folder, tar(*listed, member("a/b/c.py"), member("a/d.py"))), folder) == 0
    with pytest.raises(unpack.Refused, match="more than 4 entries"):
        unpack.unpack(put(folder, tar(member("f/g/h/i/j.py"))), folder)


def confined(folder: Path, content: bytes) -> str:
    with pytest.raises(SourceFailed) as failed:
        unpack_archive(put(folder, content), folder)
    return str(failed.value)


def test_header_that_takes_all_memory_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A header of the extended format is read in one piece.
    monkeypatch.setattr(sources, "MEMORY", 100 << 20)
    size = 120 << 20
    header = member("././@PaxHeader", size, type=tarfile.XHDTYPE).tobuf(tarfile.GNU_FORMAT)
    told = confined(folder, gzip.compress(header + bytes(size), 1))
    assert re.fullmatch(r"The archive cannot be read: (MemoryError|Unable to allocate output buffer\.)", told)


BOTH = "The archive has both a file and a folder of one name: "


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"print('no archive')\n" * 100, "The source is neither a tar nor a zip archive."),
        (tar(member("a.py", 5000), mode="w")[:2000], "The archive cannot be read: unexpected end of data"),
        *((tar(*both), BOTH) for both in permutations((member("a", 1), member("a/b.py", 1)))),
        (tar(member("x" * 300)), "The archive cannot be read: File name too long"),
        (tar(member("../a.py", 1)), "The archive has an entry that leads out of it: '../a.py'."),
    ],
    ids=["text", "cut", "file as folder", "folder as file", "long name", "escape"],
)
def test_owner_is_told_what_is_wrong(folder: Path, content: bytes, told: str) -> None:
    said = confined(folder, content)
    assert said.startswith(told)
    assert str(folder.parent) not in said


@pytest.mark.parametrize(
    ("files", "project"),
    [
        ({"shop-1.0/a.py": ""}, "shop-1.0"),
        ({"shop/a.py": "", "b.py": ""}, ""),
        ({"shop/__init__.py": "", "shop/a.py": ""}, ""),
        ({"a.py": ""}, ""),
        ({"build/pyproject.toml": "", "build/src/a.py": ""}, "build"),
        ({"node_modules/a.py": ""}, ""),
    ],
)
def test_single_folder_at_the_top_is_the_project(folder: Path, files: dict[str, str], project: str) -> None:
    unpack_archive(put(folder, tar_of(files)), folder)
    assert project_folder(folder) == folder / project
