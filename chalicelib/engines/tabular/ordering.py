"""Steps that choose or order rows: filter, sort, deduplicate, limit, sample.

Each that drops rows does so in one operator of DuckDB's plan: a FILTER (filter, deduplicate, a sample by fraction), a
LIMIT, STREAMING_LIMIT or TOP_N (limit, a sample of so many rows).
"""

from .comparing import condition_sql
from .conditions import AllOf, AnyOf, Comparison, parts_of
from .forms import is_texts, null_test, order_key, present, read_number, text_of, with_texts
from .frames import Column, Frame
from .row_steps import Deduplicate, Limit, Sample, Sort
from .scratch import check_re2
from .selecting import select
from .work import Work

# A number of fewer characters is said exactly by its double.
SHORT = 15
ZEROS = ("0", "0.0", "0.00")
_HASHES = 2**64


def filtered(work: Work, condition: Comparison | AllOf | AnyOf) -> Frame:
    """Keep the rows that meet the condition."""
    _check_patterns(work, condition)
    where = condition_sql(work, condition)
    return work.frame_of(select(work.identifiers, work.frame.sql, f"WHERE {where}"), work.frame.columns)


def _check_patterns(work: Work, condition: Comparison | AllOf | AnyOf) -> None:
    if not isinstance(condition, Comparison):
        for part in parts_of(condition):
            _check_patterns(work, part)
    elif condition.operator == "matches":
        check_re2(work, str(condition.value))


def sort_keys(column: Column) -> list[str]:
    """What a column's values that are not null are sorted by: numbers first, by value, then texts, by code points."""
    reading = read_number(column)
    if reading is None or not is_texts(column):
        return [column.sql]
    number = reading.number
    # Where doubles are equal, the digits decide, against those of the double itself.
    key, of_double = order_key(reading.text), order_key(f"CAST({reading.double} AS VARCHAR)")
    side = f"CASE WHEN {key} < {of_double} THEN '0' || {key} WHEN {key} > {of_double} THEN '2' || {key} ELSE '1' END"
    infinite = f"CASE WHEN isinf({reading.double}) THEN {key} ELSE {side} END"
    # Near zero, doubles of short numbers may be equal that the numbers are not.
    short = f"strlen({reading.text}) <= {SHORT} AND (abs({reading.double}) > 1e-290 OR {reading.text} IN {ZEROS})"
    digits = f"CASE WHEN ({number}) IS NULL THEN NULL WHEN {short} THEN '1' ELSE {infinite} END"
    return [f"({number}) IS NULL", f"({number})", digits, f"CASE WHEN ({number}) IS NULL THEN {text_of(column)} END"]


def sort(work: Work, params: Sort) -> Frame:
    """Put the rows in order; those that are equal stay in the order they are in."""
    source, readable = with_texts(work.frame.sql, [work.column(key.column) for key in params.by])
    keys = []
    for key in params.by:
        column = readable[work.column(key.column).sql]
        keys.append(f"{null_test(column)} {'ASC' if key.nulls == 'last' else 'DESC'}")
        keys += [f"{each} {key.direction.upper()} NULLS LAST" for each in sort_keys(column)]
    row = f"{work.fresh()}_row"
    numbered = _numbered(source, row)
    return work.frame_of(select(work.identifiers, numbered, f"ORDER BY {', '.join(keys)}, {row}"), work.frame.columns)


def _numbered(source: str, row: str) -> str:
    return select(f"*, row_number() OVER () AS {row}", source)


def deduplicate(work: Work, params: Deduplicate) -> Frame:
    """Keep the first or the last of the rows that are equal in some columns; the rows stay in order."""
    columns = work.frame.columns if params.columns is None else [work.column(name) for name in params.columns]
    keys = ", ".join(present(column) for column in columns)
    row, other = f"{work.fresh()}_row", f"{work.fresh()}_other"
    beside = "lag" if params.keep == "first" else "lead"
    found = f"{beside}({row}) OVER (PARTITION BY {keys} ORDER BY {row}) AS {other}"
    compared = select(f"*, {found}", _numbered(work.frame.sql, row))
    return work.frame_of(
        select(work.identifiers, compared, f"WHERE {other} IS NULL ORDER BY {row}"), work.frame.columns
    )


def limit(work: Work, params: Limit) -> Frame:
    """Keep the first rows."""
    rows, offset = work.bind(params.rows), work.bind(params.offset)
    return work.frame_of(select(work.identifiers, work.frame.sql, f"LIMIT {rows} OFFSET {offset}"), work.frame.columns)


def sample(work: Work, params: Sample) -> Frame:
    """Keep some rows, chosen by the MD5 of their number and the seed: the same ones on every run and machine."""
    row, chance = f"{work.fresh()}_row", f"{work.fresh()}_chance"
    hashed = f"md5_number_lower({row} || {work.bind(f':{params.seed}')}) AS {chance}"
    drawn = select(f"*, {hashed}", _numbered(work.frame.sql, row))
    if params.fraction is not None:
        least = work.bind(int(params.fraction * _HASHES))
        sql = select(work.identifiers, drawn, f"WHERE {chance} < {least}")
    else:
        chosen = select("*", drawn, f"ORDER BY {chance}, {row} LIMIT {work.bind(params.rows)}")
        sql = select(work.identifiers, chosen, f"ORDER BY {row}")
    return work.frame_of(sql, work.frame.columns)
