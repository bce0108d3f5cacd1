"""What every reader of a format gives: rows to begin with, and what was wrong with some of them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from .errors import BadFile
from .formats import Target
from .frames import Frame
from .running import Runner

LISTED_ROWS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """A row that was left out."""

    line: int
    reason: str


@dataclass(kw_only=True, slots=True)
class BadRows:
    """The rows that were left out: how many, and the first of them."""

    count: int = 0
    first: list[BadRow] = field(default_factory=list)

    def add(self, row: BadRow) -> None:
        """Take note of a row that was left out."""
        self.count += 1
        if self.count <= LISTED_ROWS:
            self.first.append(row)


class Source(Protocol):
    """A file that was opened."""

    @property
    def frame(self) -> Frame:
        """Its rows."""

    @property
    def written_as(self) -> Target:
        """How the output is written unless a step says otherwise."""

    def beginning(self) -> AbstractContextManager[Mapping[str, object]]:
        """Parameters with which the frame gives the source's first rows, as long as the context lasts."""

    def bad_rows(self, runner: Runner) -> BadRows:
        """The rows that were left out, once the frame was read."""

    def refuse_lost_rows(self, runner: Runner) -> None:
        """Look why no row was read.

        Raises:
            BadFile: there are rows in the file.
        """

    def explained(self, error: BadFile, runner: Runner) -> BadFile:
        """The error that reading the frame has ended in, with the line where it is known."""

    def mended(self) -> "Source | None":
        """The same file after mending what the reader could not take; None where there is nothing to mend."""
