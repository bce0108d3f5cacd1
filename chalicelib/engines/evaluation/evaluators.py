"""Evaluators that look at the text of an answer."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from .parameters import Count, Text, Texts, stated, wrong, wrong_at
from .patterns import MAX_PATTERN_CHARACTERS, BadPattern, compiled, found
from .registry import PASS, Evaluator, Verdict, fail, register
from .texts import clipped, composed, told


@register
class ExactMatch(Evaluator):
    """The answer is the expected text, character for character in Unicode's form C."""

    name: Literal["exact_match"] = "exact_match"
    ignore_case: bool = False
    trim: bool = False

    def evaluate(self, expected: str, actual: str) -> Verdict:
        """1 or 0."""
        return PASS if self._read(expected) == self._read(actual) else fail("is not the expected text")

    def _read(self, text: str) -> str:
        text = _folded(text, ignore_case=self.ignore_case)
        return text.strip() if self.trim else text


@register
class Contains(Evaluator):
    """The answer has the texts in it; without parameters, the expected text."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [stated(without=["value"]), stated(without=["values"])]})

    name: Literal["contains"] = "contains"
    value: Text | None = None
    values: Texts | None = None
    ignore_case: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.value is not None and self.values is not None:
            raise wrong_at("values", "give either value or values")
        return self

    def evaluate(self, expected: str, actual: str) -> Verdict:
        """The share of the texts that are in the answer."""
        wanted = self.values or (expected if self.value is None else self.value,)
        answer = _folded(actual, ignore_case=self.ignore_case)
        missing = [text for text in wanted if not self._in(text, answer)]
        if not missing:
            return PASS
        return Verdict(1 - len(missing) / len(wanted), f"does not contain {', '.join(map(told, missing[:5]))}")

    def _in(self, text: str, answer: str) -> bool:
        # An empty expected text is in every answer, which would say nothing.
        return _folded(text, ignore_case=self.ignore_case) in answer if text else not answer


def _folded(text: str, *, ignore_case: bool) -> str:
    return composed(composed(text).casefold() if ignore_case else text)


def _check_pattern(pattern: str) -> str:
    try:
        compiled(pattern)
    except BadPattern as error:
        raise wrong(str(error)) from error
    return pattern


@register
class Regex(Evaluator):
    """The answer has a match of a pattern in RE2's syntax, or is one."""

    name: Literal["regex"] = "regex"
    pattern: Annotated[
        Text,
        AfterValidator(_check_pattern),
        Field(json_schema_extra={"maxLength": MAX_PATTERN_CHARACTERS, "format": "regex"}),
    ]
    ignore_case: bool = False
    whole: bool = False

    def evaluate(self, expected: str, actual: str) -> Verdict:  # noqa: ARG002  as all evaluators
        """1 or 0."""
        text, where = clipped(actual)
        # Of a part it cannot be said that the whole is a match.
        matches = not (self.whole and where) and found(
            self.pattern, text, ignore_case=self.ignore_case, whole=self.whole
        )
        return PASS if matches else fail(f"does not match the pattern {told(self.pattern)}{where}")


_LIMITS = ("min_characters", "max_characters", "min_words", "max_words")


@register
class Length(Evaluator):
    """The answer has so many characters or words; words are what white space separates."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [stated(limit) for limit in _LIMITS]})

    name: Literal["length"] = "length"
    min_characters: Count | None = None
    max_characters: Count | None = None
    min_words: Count | None = None
    max_words: Count | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        limits = (self.min_characters, self.max_characters, self.min_words, self.max_words)
        if all(limit is None for limit in limits):
            raise wrong_at("max_characters", "give a least or a most number of characters or of words")
        for unit, least, most in (("characters", *limits[:2]), ("words", *limits[2:])):
            if least is not None and most is not None and least > most:
                raise wrong_at(f"min_{unit}", f"is more than max_{unit}")
        return self

    def evaluate(self, expected: str, actual: str) -> Verdict:  # noqa: ARG002  as all evaluators
        """1 or 0."""
        counts = (
            ("characters", len(actual), self.min_characters, self.max_characters),
            ("words", len(actual.split()), self.min_words, self.max_words),
        )
        for unit, count, least, most in counts:
            if least is not None and count < least:
                return fail(f"has {count} {unit}, fewer than {least}")
            if most is not None and count > most:
                return fail(f"has {count} {unit}, more than {most}")
        return PASS
