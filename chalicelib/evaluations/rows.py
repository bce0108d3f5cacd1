"""Rows answered and scored, a segment at a time."""

import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.engines.evaluation.errors import RowError
from chalicelib.engines.evaluation.rows import Row, parse, prompt_of, row_of, texts_of
from chalicelib.engines.evaluation.scoring import RowResult, errored_row, score_row
from chalicelib.inference.chat import answer
from chalicelib.inference.errors import ModelError
from chalicelib.inference.pool import Budget, map_rows
from chalicelib.jobs.staging import Refusal, Work

from . import semantic
from .semantic import Scorer
from .terms import Terms

SEGMENT_ROWS = 250
# What has to be asked of others is kept more often: it takes long, and costs.
ASKED_ROWS = 32
SEGMENT_SECONDS = 60
MOST_SEGMENTS = 256
"""The checkpoint of a batch names its segments, and is small."""
ANSWER_SECONDS = 180
EMBEDDING_SECONDS = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A row with its prompt and its answer, or with why it has none."""

    number: int
    prompt: str = ""
    expected: str = ""
    actual: str = ""
    error: str | None = None


class Scoring:
    """Scores the rows of one batch; ``tokens`` is what its answers have cost until now."""

    def __init__(self, work: Work, terms: Terms, *, spent: int) -> None:
        self._work = work
        self._terms = terms
        self._turn = threading.Lock()
        self._budget = Budget(terms.budget_for(work.order["rows"], work.order["total"]))
        self._budget.spend(spent)
        self._agent = terms.agent.endpoint() if terms.agent else None
        self._embeddings = semantic.endpoint() if terms.scorer is Scorer.ENDPOINT else None

    @property
    def tokens(self) -> int:
        """Spent by this batch's prompts and answers."""
        return self._budget.spent

    def segment(self, lines: Sequence[bytes], *, first: int) -> list[RowResult]:
        """The results of the first rows, at least one: as many as ought to be kept together.

        Args:
            lines: rows as JSON, of which there is at least one.
            first: how many rows of the data set come before them.
        """
        until = time.monotonic() + SEGMENT_SECONDS
        most, at_once = (ASKED_ROWS, self._terms.concurrency) if self._terms.asks else (SEGMENT_ROWS, SEGMENT_ROWS)
        least = math.ceil(self._work.order["rows"] / MOST_SEGMENTS)
        most = max(most, least)
        results: list[RowResult] = []
        while len(results) < min(most, len(lines)) and (len(results) < least or time.monotonic() < until):
            begin = len(results)
            results += self._group(lines[begin : min(begin + at_once, most)], first + begin)
        return results

    def _group(self, lines: Sequence[bytes], first: int) -> list[RowResult]:
        self._look()
        rows = list(enumerate(map(parse, lines), start=first + 1))
        answered = list(map_rows(self._answered, rows, self._terms.concurrency))
        return [self._result(*pair) for pair in zip(answered, self._semantic(answered), strict=True)]

    def _answered(self, numbered: tuple[int, dict[str, str | None]]) -> Answered:
        number, told = numbered
        try:
            row = row_of(told)
            prompt = prompt_of(row, self._terms.template)
        except RowError as error:
            return Answered(number=number, **texts_of(told), error=str(error))
        if row.actual is not None and not self._terms.selected:
            return Answered(number=number, prompt=prompt, expected=row.expected, actual=row.actual)
        return self._asked(number, row, prompt)

    def _asked(self, number: int, row: Row, prompt: str) -> Answered:
        known = Answered(number=number, prompt=prompt, expected=row.expected)
        if self._agent is None or self._terms.agent is None:
            return replace(known, error="there is no answer, and no agent to ask for one")
        try:
            given = answer(
                self._agent,
                prompt=prompt,
                instructions=self._terms.instructions,
                knowledge_source=self._terms.knowledge_source,
                max_tokens=self._terms.agent.answer_tokens,
                until=time.monotonic() + ANSWER_SECONDS,
                check=self._look,
                budget=self._budget,
            )
        except ModelError as error:
            return replace(known, error=str(error))
        return replace(known, actual=given.text)

    def _semantic(self, answered: list[Answered]) -> list[float | str | None]:
        """The semantic scores that an endpoint gives, or why it gives none."""
        if self._embeddings is None:
            return [None] * len(answered)
        asked = [one for one in answered if one.error is None]
        pairs = [(one.expected, one.actual) for one in asked]
        try:
            found = semantic.similarities(
                self._embeddings, pairs, until=time.monotonic() + EMBEDDING_SECONDS, check=self._look
            )
        except ModelError as error:
            raise Refusal(f"There are no semantic scores: {error}") from error
        by_number = dict(zip((one.number for one in asked), found, strict=True))
        return [by_number.get(one.number) for one in answered]

    def _result(self, one: Answered, told: float | str | None) -> RowResult:
        error = one.error or (told if isinstance(told, str) else None)
        if error is not None:
            return errored_row(one.number, error, prompt=one.prompt, expected=one.expected, actual=one.actual)
        similarity = None if isinstance(told, str) else told
        return score_row(one.number, one.prompt, one.expected, one.actual, self._terms.criteria, similarity)

    def _look(self) -> None:
        """Keep the lease, and hear whether the batch is still wanted; asked by several threads."""
        with self._turn:
            self._work.watch("evaluating", 0, 1)


def as_lines(results: Sequence[RowResult]) -> bytes:
    """Results as JSON Lines."""
    # One line each, whatever line breaks there are in the texts: JSON escapes them.
    return b"\n".join(json.dumps(result, ensure_ascii=False).encode() for result in results)
