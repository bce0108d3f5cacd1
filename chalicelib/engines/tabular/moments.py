"""SQL that reads dates and times: in ISO 8601, as values of DuckDB's types, or by a format."""

from .forms import is_moment, text_of
from .frames import Column

ISO = (
    r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
    r"\s*(Z|[+-](0[0-9]|1[0-8])(:?[0-5][0-9])?)?)?\s*"
)


def moment_of(column: Column, sql_type: str, format_sql: str | None) -> str:
    """A column's date or time; NULL where its text is none."""
    if is_moment(column) and format_sql is None:
        if column.type == "TIMESTAMP WITH TIME ZONE":  # In UTC, whatever the session's time zone is.
            return f"CAST(make_timestamp(epoch_us({column.sql})) AS {sql_type})"
        return f"CAST({column.sql} AS {sql_type})"
    return moment_in(f"({text_of(column)})", sql_type, format_sql)


def moment_in(text: str, sql_type: str, format_sql: str | None) -> str:
    """The date or time that a text says: in ISO 8601, unless a format is given."""
    if format_sql is not None:
        return f"CAST(try_strptime({text}, {format_sql}) AS {sql_type})"
    # Read as a TIMESTAMP, a time would lose its offset.
    read = f"make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)))"
    return f"CASE WHEN regexp_full_match({text}, '{ISO}') THEN CAST({read} AS {sql_type}) END"
