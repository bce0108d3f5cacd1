"""What DuckDB says when it fails, in words for the person whose file it is: no paths, no SQL."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from .errors import BadFile, BadValue, NeedsMore, NotEnoughMemory, NotEnoughSpace, TabularError
from .work import bad_value_in

_SPACE = re.compile(r"max_temp_directory_size|No space left|Disk quota|failed to offload|temporary dir", re.IGNORECASE)
_CSV = re.compile(r"CSV (Error on Line|Parser|Reader)|Maximum line size|max_line_size", re.IGNORECASE)
_PARQUET = re.compile(
    r"parquet|thrift|TProtocol|snappy|zstd|gzip|lz4|brotli|magic bytes|page|column chunk|don't know what type",
    re.IGNORECASE,
)
_NOT_READ = (duckdb.InvalidInputException, duckdb.IOException, duckdb.SerializationException, duckdb.InternalException)


NOT_AS_INFERRED = "\x01type\x01"


class NotAsInferred(TabularError):
    """A column holds a value that is not of the type which its first values have."""


class CsvRefused(BadFile):
    """DuckDB does not accept a row of a CSV file; which one, and why, is yet to be found out."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn what DuckDB, or the file system, raises inside into errors of ours."""
    try:
        yield
    except duckdb.Error as error:
        raise _translated(error) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise NotEnoughSpace("there is not enough temporary space") from error
        raise


def _translated(error: duckdb.Error) -> TabularError:
    text = str(error)
    if NOT_AS_INFERRED in text:
        return NotAsInferred()
    return bad_value_in(error) or _lacking(error, text) or _unreadable(error, text) or _failed(error, text)


def _lacking(error: duckdb.Error, text: str) -> NeedsMore | None:
    if _SPACE.search(text):
        return NotEnoughSpace("there is not enough temporary space")
    if isinstance(error, duckdb.OutOfMemoryException):
        return NotEnoughMemory("there is not enough memory")
    return None


def _unreadable(error: duckdb.Error, text: str) -> BadFile | None:
    if _CSV.search(text):
        return CsvRefused("the CSV file is not well formed")
    if isinstance(error, _NOT_READ) and _PARQUET.search(text):
        return BadFile("the Parquet file is damaged")
    return None


def _failed(error: duckdb.Error, text: str) -> TabularError:
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return BadValue(_first_sentence(text))
    return TabularError("the file could not be processed")


def _first_sentence(text: str) -> str:
    """DuckDB's own sentence about a value, without the SQL that it quotes below."""
    return text.split("\n", 1)[0].partition("Error: ")[2][:300] or "a value cannot be converted"
