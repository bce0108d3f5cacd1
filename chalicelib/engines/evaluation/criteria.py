"""What makes an answer good enough, as it is written down when an evaluation is submitted."""

from functools import cached_property
from typing import Annotated

from pydantic import Field

# Importing them registers them.
from . import evaluators, json_answers, numbers  # noqa: F401
from .parameters import Model
from .registry import AnyEvaluator, name_of

MAX_EVALUATORS = 20


class Criteria(Model):
    """How answers are scored; a row passes from ``similarity_threshold`` on."""

    similarity_threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.8
    use_semantic_scoring: bool = False
    custom_evaluators: Annotated[tuple[AnyEvaluator, ...], Field(strict=False, max_length=MAX_EVALUATORS)] = ()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The evaluators' names; the second of a name is called ``regex#2``, the third ``regex#3``."""
        names = [name_of(evaluator) for evaluator in self.custom_evaluators]
        counts = [names[: number + 1].count(name) for number, name in enumerate(names)]
        return tuple(name if count == 1 else f"{name}#{count}" for name, count in zip(names, counts, strict=True))
