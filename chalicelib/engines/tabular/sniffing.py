"""What a file is: by what it begins with, by its name, or by what its owner says."""

from pathlib import Path

from .errors import BadFile
from .formats import Compression, Format

BEGINNING_BYTES = 4096
PARQUET = b"PAR1"

_COMPRESSIONS: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_UNKNOWN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"BZh91AY&SY": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"%PDF-": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"Obj\x01": "an Avro file",
    b"ARROW1\0\0": "an Arrow file",
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ENDINGS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
    ".pq": "parquet",
}  # fmt: skip


def compression_of(path: Path) -> Compression:
    """How a file is compressed."""
    beginning = _beginning(path)
    return next((kind for magic, kind in _COMPRESSIONS.items() if beginning.startswith(magic)), "none")


def format_of(path: Path, file_name: str, wanted: Format | None) -> Format:
    """The format of a file that is not compressed.

    Args:
        path: of the file.
        file_name: as its owner calls it.
        wanted: what its owner says that it is.

    Raises:
        BadFile: it is empty, of a format that is not known, or not what its owner or its name says.
    """
    beginning = _beginning(path)
    if not beginning:
        raise BadFile("the file is empty")
    _refuse_unknown(beginning)
    named = wanted or _named(file_name)
    if beginning.startswith(PARQUET):
        if wanted not in {None, "parquet"}:
            raise BadFile(f"the file is Parquet, not {wanted}")
        return "parquet"
    if named == "parquet":
        raise BadFile("the file is not Parquet: it does not begin as one")
    return named or _guessed(beginning)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BEGINNING_BYTES)


def _refuse_unknown(beginning: bytes) -> None:
    if beginning.startswith(_UTF_16):
        raise BadFile("the file is UTF-16 (from line 1 on), not UTF-8")
    for magic, what in _UNKNOWN.items():
        if beginning.startswith(magic):
            raise BadFile(f"the file is {what}; CSV, JSON, JSON Lines and Parquet can be read, also with gzip and zstd")


def _named(file_name: str) -> Format | None:
    name = file_name.lower()
    for ending in (".gz", ".gzip", ".zst", ".zstd"):
        name = name.removesuffix(ending)
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), None)


def _guessed(beginning: bytes) -> Format:
    first = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"[":
        return "json"
    return "jsonl" if first == b"{" else "csv"
