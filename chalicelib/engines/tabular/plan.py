"""What is to be done with a file."""

from collections.abc import Sequence
from dataclasses import dataclass

from .steps import AnyStep, Options


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be done with a file.

    Attributes:
        file_name: as its owner calls the file; its endings say what it is.
        steps: in order.
        options: how the file is read and written.
    """

    file_name: str
    steps: Sequence[AnyStep]
    options: Options
