"""How many rows each step got and gave, told from the operators of the plan that DuckDB has run.

Every step that changes the number of rows does so in one operator of a known kind; the plan is a chain, with those
operators in the steps' order. Where that does not hold, or where a limit ended the reading early, the rows are counted
by a query of their own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .frames import Frame
from .running import Runner
from .steps import AnyStep, Sample

_FILTERS = frozenset({"FILTER"})
_STREAMING_LIMITS = frozenset({"LIMIT", "STREAMING_LIMIT"})
_LIMITS = _STREAMING_LIMITS | {"TOP_N"}
_GROUPINGS = frozenset({"HASH_GROUP_BY", "PERFECT_HASH_GROUP_BY", "PARTITIONED_AGGREGATE", "UNGROUPED_AGGREGATE"})
_SCANS = frozenset({"TABLE_SCAN"})
# They read all rows before they give one.
_BLOCKING = _GROUPINGS | {"ORDER_BY", "TOP_N", "WINDOW"}

Operator = tuple[str, int]


class RowCounts:
    """Counts rows of frames, each made of the one before by a step."""

    def __init__(self, runner: Runner, frames: Sequence[Frame], steps: Sequence[AnyStep]) -> None:
        self._runner = runner
        self._frames = frames
        self._steps = steps

    def after(self, rows_out: int) -> list[int]:
        """The number of rows of every frame, after a query over the last one; ``rows_out`` is what it gave."""
        counts = self._exact(len(self._steps), _chain(self._runner.profile()))
        return [*counts[:-1], rows_out] if counts else self._counted_singly(len(self._steps))

    def _exact(self, steps: int, chain: Sequence[Operator]) -> list[int]:
        """The counts of the frames up to that many steps; empty where the chain does not fit the steps."""
        counts, cut = _matched(self._steps[:steps], chain)
        if not counts or cut is None:
            return counts
        [(rows,)] = self._runner.run(*self._count(cut))
        before = self._exact(cut, _without_count(_chain(self._runner.profile())))
        return [*before[:-1], rows, *counts[cut + 1 :]] if before else []

    def _counted_singly(self, steps: int) -> list[int]:
        return [self._runner.run(*self._count(index))[0][0] for index in range(steps + 1)]

    def _count(self, index: int) -> tuple[str, Mapping[str, object]]:
        frame = self._frames[index]
        return f"SELECT count(*) FROM ({frame.sql})", frame.parameters  # noqa: S608


def _chain(profile: Mapping[str, Any]) -> list[Operator]:
    """The operators from the scan upwards."""
    found: list[Operator] = []
    node: Mapping[str, Any] | None = profile
    while node:
        found.append((node.get("operator_type") or "", node.get("operator_cardinality") or 0))
        node = next(iter(node.get("children") or ()), None)
    return found[::-1]


def _without_count(chain: list[Operator]) -> list[Operator]:
    """The chain without the operator that counts its rows."""
    last = max((place for place, (kind, _) in enumerate(chain) if kind in _GROUPINGS), default=len(chain))
    return chain[:last]


def _matched(steps: Sequence[AnyStep], chain: Sequence[Operator]) -> tuple[list[int], int | None]:
    """The counts of all frames, empty where chain and steps differ; and the last step that ended the reading early."""
    kinds = [(index, kind) for index, step in enumerate(steps) if (kind := _kind(step))]
    wanted = _FILTERS | _LIMITS | _GROUPINGS | _SCANS
    places = [place for place, (kind, _) in enumerate(chain) if kind in wanted]
    found = [chain[place] for place in places]
    if len(found) != len(kinds) + 1 or found[0][0] not in _SCANS:
        return [], None
    counts, cut = [found[0][1]] * (len(steps) + 1), None
    for (index, kind), (operator, rows), place in zip(kinds, found[1:], places[1:], strict=True):
        if operator not in kind:
            return [], None
        counts[index + 1 :] = [rows] * (len(steps) - index)
        if operator in _STREAMING_LIMITS and chain[place - 1][0] not in _BLOCKING:
            cut = index
    return counts, cut


def _kind(step: AnyStep) -> frozenset[str]:
    """The operators of which one does what the step does to the number of rows; none where it does nothing to it."""
    match step.type:
        case "filter" | "deduplicate":
            return _FILTERS
        case "sample":
            return _FILTERS if isinstance(step.params, Sample) and step.params.rows is None else _LIMITS
        case "limit":
            return _LIMITS
        case "aggregate":
            return _GROUPINGS
    return frozenset()
