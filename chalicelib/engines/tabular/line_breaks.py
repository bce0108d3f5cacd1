"""What DuckDB is particular about in CSV files: that line breaks are of one kind, and that every quote is closed."""

from pathlib import Path

from .csv_quotes import Quotes, joined


def mixes_line_breaks(quotes: Quotes) -> bool:
    """Whether the lines of a file end in different ways; quoted line breaks do not count."""
    kinds: set[bytes] = set()
    for part in quotes:
        content = joined(part.unquoted)
        pairs = content.count(b"\r\n")
        counts = {b"\r\n": pairs, b"\n": content.count(b"\n") - pairs, b"\r": content.count(b"\r") - pairs}
        kinds |= {kind for kind, count in counts.items() if count}
        if len(kinds) > 1:
            return True
    return False


def even_out(quotes: Quotes, target: Path) -> None:
    r"""Copy a file, with ``\n`` in place of every other line break that is not quoted."""
    with target.open("wb") as file:
        for part in quotes:
            evened = [piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n") for piece in part.unquoted]
            part.pieces[part.first :: 2] = evened
            file.write(joined(part.pieces))


def unclosed_quote(quotes: Quotes) -> int | None:
    """Where a quote stands that nothing closes, in bytes."""
    for _ in quotes:
        pass
    return quotes.opened


def long_row(quotes: Quotes, limit: int) -> int | None:
    """About where a row begins that is longer than ``limit``, both in bytes; some a little longer are passed over."""
    begun, place = 0, 0
    for part in quotes:
        place += len(joined(part.pieces))
        content = joined(part.unquoted)
        if b"\n" in content or b"\r" in content:
            begun = place
        elif place - begun > limit:
            return begun
    return None
