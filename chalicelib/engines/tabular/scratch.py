"""Questions that only DuckDB can answer, asked of an empty database before the work begins."""

import duckdb

from .work import Work


def check_re2(work: Work, pattern: str) -> None:
    """Refuse a pattern that RE2 does not accept.

    Raises:
        BadValue: with RE2's own words.
    """
    try:
        _ask("SELECT regexp_matches('', $asked)", pattern)
    except duckdb.Error as error:
        reason = str(error).removeprefix("Invalid Input Error: ")
        raise work.wrong_value(f"the pattern {pattern!r} is not valid: {reason}") from error


def can_cast(text: str, sql_type: str) -> bool:
    """Whether a text can become a value of a type that a file's column has."""
    return _ask(f"SELECT TRY_CAST($asked AS {sql_type}) IS NOT NULL", text) == (True,)


def _ask(question: str, value: str) -> object:
    with duckdb.connect(config={"threads": 1}) as connection:
        return connection.execute(question, {"asked": value}).fetchone()
