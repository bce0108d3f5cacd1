"""What was measured, beside what was promised."""

from collections.abc import Iterable
from dataclasses import dataclass

_HEADINGS = ("what", "budget", "measured", "verdict")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One number; without a budget it is there to be known, and has no verdict."""

    what: str
    measured: float
    unit: str = ""
    budget: float | None = None

    @property
    def over(self) -> bool:
        """Whether the budget is missed."""
        return self.budget is not None and self.measured > self.budget

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.budget is None:
            return "for information"
        return "OVER" if self.over else "within"

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """As the table shows it."""
        budget = "" if self.budget is None else f"≤ {self.budget:g} {self.unit}".rstrip()
        return self.what, budget, f"{self.measured:.3g} {self.unit}".rstrip(), self.verdict


def table(rows: Iterable[Row]) -> str:
    """The rows in columns."""
    lines = [_HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(cells, widths) for cells in (lines[0], rule, *lines[1:]))


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
