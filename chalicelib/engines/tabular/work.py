"""What compiling a step needs at hand: the frame's columns by name, and places for bound values."""

import difflib
import re
from collections.abc import Iterable, Sequence

from .errors import BadColumn, BadValue
from .frames import Column, Frame
from .selecting import select

SHOWN_COLUMNS = 30
_PLACEHOLDER = re.compile(r"\$(p[0-9]+)\b")


class Work:
    """One step's compilation over a frame."""

    def __init__(self, frame: Frame, index: int, kind: str) -> None:
        self.frame = frame
        self._label = f"step {index} ({kind})"
        self._parameters = dict(frame.parameters)

    def bind(self, value: object) -> str:
        """A placeholder for the value, with a name that no other has."""
        number = len(self._parameters)
        while f"p{number}" in self._parameters:
            number += 1
        self._parameters[f"p{number}"] = value
        return f"$p{number}"

    def column(self, name: str) -> Column:
        """The column that its users call so.

        Raises:
            BadColumn: there is none; says which there are, and which of them is like it.
        """
        for column in self.frame.columns:
            if column.name == name:
                return column
        raise BadColumn(f"{self._label}: there is no column {name!r}{_suggestion(name, self.frame.columns)}")

    def wrong_column(self, message: str) -> BadColumn:
        """An error of this step about its columns, to be raised."""
        return BadColumn(f"{self._label}: {message}")

    def wrong_value(self, message: str) -> BadValue:
        """An error of this step about a value, to be raised."""
        return BadValue(f"{self._label}: {message}")

    def failing(self, column: str, value: str, problem: str) -> str:
        """SQL that stops the job because of a value; ``column`` and ``problem`` are words, ``value`` is SQL."""
        shown = f"CASE WHEN length({value}) > 100 THEN left({value}, 100) || '…' ELSE {value} END"
        head = self.bind(f"{MARK}{self._label}: column {column!r}: the value '")
        return f"error({head} || coalesce({shown}, '') || {self.bind(chr(39) + ' ' + problem)})"

    def fresh(self) -> str:
        """An identifier that no column of the frame has."""
        taken = {column.sql for column in self.frame.columns}
        number = len(taken)
        while f"c{number}" in taken:
            number += 1
        return f"c{number}"

    def frame_of(self, sql: str, columns: Iterable[Column]) -> Frame:
        """The frame that the step makes.

        Raises:
            BadColumn: two columns would be called the same.
        """
        made = tuple(columns)
        names = [column.name for column in made]
        for name in set(names):
            if names.count(name) > 1:
                raise self.wrong_column(f"two columns would be called {name!r}")
        # DuckDB refuses parameters that it has no place for.
        used = set(_PLACEHOLDER.findall(sql))
        kept = used | self.frame.parameters.keys()
        parameters = {key: value for key, value in self._parameters.items() if key in kept}
        return Frame(sql=sql, columns=made, parameters=parameters)

    def project(self, made: Sequence[tuple[Column, str]]) -> Frame:
        """The frame with these columns, each with the SQL of its values."""
        given = ", ".join(value if value == column.sql else f"{value} AS {column.sql}" for column, value in made)
        return self.frame_of(select(given, self.frame.sql), [column for column, _ in made])

    def replacing(self, changed: dict[str, tuple[Column, str]]) -> Frame:
        """The frame with some columns, by their identifiers, made anew in their places."""
        return self.project([changed.get(each.sql, (each, each.sql)) for each in self.frame.columns])

    @property
    def identifiers(self) -> str:
        """All columns, as a SELECT lists them."""
        return ", ".join(column.sql for column in self.frame.columns)


MARK = "\x01value\x01"


def bad_value_in(error: Exception) -> BadValue | None:
    """The error about a value that a step made DuckDB raise; None for every other error of DuckDB."""
    _, mark, message = str(error).partition(MARK)
    return BadValue(message) if mark else None


def _suggestion(name: str, columns: Sequence[Column]) -> str:
    names = [column.name for column in columns]
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
    more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
    return f"{hint} (the columns are {', '.join(map(repr, names[:SHOWN_COLUMNS]))}{more})"
