"""The evaluator of answers that are to be JSON."""

import json
import math
import re
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from .json_checks import BadSchema, Checker, TooMuchWork
from .parameters import wrong, wrong_at
from .registry import PASS, Evaluator, Verdict, fail, register
from .texts import TEXT_LIMIT

_TOLD = 300
_FENCE = re.compile(r"\s*```[A-Za-z]*[ \t]*\r?\n(.*?)\r?\n?```\s*", re.DOTALL)


def _object_or_bool(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    # Without this, each of the two would bring an error of its own.
    if not isinstance(value, dict | bool):
        raise wrong("must be a JSON Schema: an object, true or false")
    return handler(value)


@register
class JsonSchema(Evaluator):
    """The answer is JSON that a schema, draft 2020-12, allows."""

    name: Literal["json_schema"] = "json_schema"
    document: Annotated[dict[str, JsonValue] | bool, WrapValidator(_object_or_bool)] = Field(alias="schema")
    allow_fence: bool = False

    @model_validator(mode="after")
    def _check_schema(self) -> Self:
        try:
            _ = self._checker
        except BadSchema as error:
            raise wrong_at("schema", str(error)) from error
        except RecursionError as error:
            raise wrong_at("schema", "nests too deep") from error
        return self

    @cached_property
    def _checker(self) -> Checker:
        return Checker(self.document)

    def evaluate(self, expected: str, actual: str) -> Verdict:  # noqa: ARG002  as all evaluators
        """1 or 0."""
        if len(actual) > TEXT_LIMIT:
            return fail(f"has more than {TEXT_LIMIT} characters, so it is not checked")
        try:
            problem = self._checker.problem(self._parsed(actual))
        except json.JSONDecodeError as error:
            return fail(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
        except (ValueError, OverflowError):
            return fail(
                "is not JSON that is taken: a number is too large or none, or half of a surrogate pair stands alone"
            )
        except RecursionError:
            return fail("nests too deep, or the schema refers to itself without an end")
        except TooMuchWork:
            return fail("takes too many steps to check against the schema")
        return PASS if problem is None else fail(f"the schema does not allow it: {_shortened(problem)}")

    def _parsed(self, text: str) -> Any:  # noqa: ANN401  any JSON
        fenced = _FENCE.fullmatch(text) if self.allow_fence else None
        return json.loads(fenced[1] if fenced else text, parse_constant=_no_constant, parse_float=_finite)


def _shortened(problem: str) -> str:
    # A message begins with the value, which may be long, and ends with what is wrong with it.
    return problem if len(problem) <= _TOLD else f"{problem[: _TOLD // 2]} … {problem[-_TOLD // 2 :]}"


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(written)
    return number
