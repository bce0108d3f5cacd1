from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.local.toy import Toy, run_toy


@pytest.fixture(scope="session")
def toy() -> Iterator[Toy]:
    with run_toy() as running:
        yield running


@pytest.fixture(scope="session")
def new_toy() -> Callable[..., AbstractContextManager[Toy]]:
    return run_toy
