"""Problems of answers, told in a few words."""

from pydantic import ValidationError


def first_problem(error: ValidationError) -> str:
    """Where it is and what, without the value: ``choices.0.message: Field required``."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
