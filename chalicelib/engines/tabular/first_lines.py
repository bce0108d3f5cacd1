"""The beginning of a file of lines, as a file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SAMPLE_BYTES = 2 << 20


@contextmanager
def first_lines(path: Path, *, quoted: bool) -> Iterator[Mapping[str, object]]:
    """A parameter ``source`` that leads to the first whole lines of a file.

    Args:
        path: of the file.
        quoted: line breaks inside of quotes end no line.
    """
    with path.open("rb") as file:
        content = file.read(SAMPLE_BYTES)
    if len(content) < SAMPLE_BYTES:
        yield {"source": str(path)}
        return
    sample = path.with_name("sample")
    sample.write_bytes(content[: _last_line_end(content, quoted=quoted)])
    try:
        yield {"source": str(sample)}
    finally:
        sample.unlink()


def _last_line_end(content: bytes, *, quoted: bool) -> int:
    """Where the last whole line ends; the whole length where that cannot be told."""
    end = len(content)
    open_quote = quoted and content.count(b'"') % 2 == 1
    while (place := content.rfind(b"\n", 0, end)) >= 0:
        open_quote ^= quoted and content.count(b'"', place, end) % 2 == 1
        if not open_quote:
            return place + 1
        end = place
    return len(content)
