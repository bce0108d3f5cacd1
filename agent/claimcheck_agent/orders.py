"""What all kinds of orders share: the payloads of jobs, read strictly."""

from collections.abc import Mapping
from typing import Any

LONGEST_SHOWN = 60  # Characters of a wrong value in a message.


class BadOrder(ValueError):
    """The order cannot be carried out; the message is for the job's owner."""


def shown(value: object, longest: int = LONGEST_SHOWN) -> str:
    """Give a value as a message shows it: on one line, and not too long."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}…"


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """Give a part of an order that must be an object.

    Raises:
        BadOrder: it is none.
    """
    if not isinstance(value, dict):
        raise BadOrder(f"{name} must be an object; it is {shown(value)}.")
    return value
