"""What a build is to make: the payload of its job, read strictly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from claimcheck_agent.orders import BadOrder, mapping, shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Order:
    """One project to be written.

    `goal` is text of the build's owner, and nothing but text: it may hold anything. `framework` and `database` are
    what was asked for, in the owner's spelling, or None. `parameters` holds all parameters, those that nobody here
    knows too.
    """

    project_name: str
    goal: str
    framework: str | None = None
    database: str | None = None
    include_tests: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, payload: Any) -> Self:  # noqa: ANN401  (whatever JSON the job's creator gave)
        """Read a job's payload.

        Raises:
            BadOrder: a field is missing or is not what it should be.
        """
        fields = mapping(payload, "the payload")
        name, goal = fields.get("project_name"), fields.get("goal")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise BadOrder(
                f"project_name must be 1 to 64 letters, digits, dots, hyphens or underscores, and begin with a letter "
                f"or a digit; it is {shown(name)}."
            )
        if not isinstance(goal, str):
            raise BadOrder(f"goal must be a text; it is {shown(goal)}.")
        parameters = mapping(fields.get("parameters") or {}, "parameters")
        return cls(
            project_name=name,
            goal=_writable(goal),
            framework=_text(parameters, "framework"),
            database=_text(parameters, "database"),
            include_tests=_truth(parameters, "include_tests"),
            parameters=parameters,
        )


def _text(parameters: Mapping[str, Any], name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, str):
        raise BadOrder(f"{name} must be a text; it is {shown(value)}.")
    return value


def _truth(parameters: Mapping[str, Any], name: str) -> bool:
    value = parameters.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadOrder(f"{name} must be true or false; it is {shown(value)}.")
    return True if value is None else value


def _writable(text: str) -> str:
    """Replace what no text file can hold: halves of surrogate pairs, which JSON can."""
    return text.encode(errors="replace").decode()
