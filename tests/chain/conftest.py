"""What takes the tools from npm and a chain; run by itself with ``CLAIMCHECK_TEST_CHAIN=1``."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WHY = "run tests/chain by itself, with CLAIMCHECK_TEST_CHAIN=1 (it takes Node.js and npm)"

if os.environ.get("CLAIMCHECK_TEST_CHAIN"):
    from claimcheck_agent.contracts.anvil import Anvil
    from claimcheck_agent.contracts.tools import Toolchain, default_folder

    from tests.agent.conftest import run_agent, server

    __all__ = ["run_agent", "server"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("CLAIMCHECK_TEST_CHAIN"):
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=WHY))


@pytest.fixture(scope="session")
def tools() -> "Toolchain":
    """The tools, in the folder that agents have them in, so that they are installed once."""
    return Toolchain.installed(default_folder(), print)


@pytest.fixture(scope="session")
def anvil(tools: "Toolchain") -> "Iterator[Anvil]":
    """A chain that stands for a public one; contracts have addresses of their own on it."""
    with Anvil(tools) as running:
        yield running
