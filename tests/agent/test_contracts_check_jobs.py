"""The agent's handlers for looking at contracts: what they run, and what secrets they ask for."""

from pathlib import Path
from typing import cast

import pytest
from claimcheck_agent.contracts.check_jobs import TYPES, CheckHandler, add_check_handlers
from claimcheck_agent.handlers import Handlers
from claimcheck_agent.job import Job
from claimcheck_agent.runner import Ended

TOOLS = Path("/var/tools")


@pytest.mark.parametrize(
    ("kind", "secrets"), [("contract-verify", ("explorer",)), ("contract-audit", ("llm",)), ("contract-compliance", ())]
)
def test_each_kind_of_look_has_a_handler(kind: str, secrets: tuple[str, ...]) -> None:
    handlers = add_check_handlers(Handlers({}), TOOLS, "http://localhost:11434/v1")
    assert handlers.types() == sorted(TYPES)
    found = handlers.find(kind)
    assert found
    assert found.argv[-3:] == (TYPES[kind], "/var/tools", "http://localhost:11434/v1")
    assert found.optional_secrets(cast("Job", None)) == secrets


def test_without_an_endpoint_no_model_is_asked() -> None:
    found = add_check_handlers(Handlers({}), TOOLS, None).find("contract-audit")
    assert found
    assert found.argv[-2:] == ("audit", "/var/tools")


@pytest.mark.parametrize("kind", ["contract-audit", "*"])
def test_command_of_the_operator_comes_first(kind: str) -> None:
    found = add_check_handlers(Handlers.parse([f"{kind}=echo mine"]), TOOLS, None).find("contract-audit")
    assert found
    assert found.argv == ("/bin/sh", "-c", "echo mine")


def test_program_that_is_killed_is_explained() -> None:
    handler = CheckHandler.of("audit", TOOLS, None)
    assert "more memory than this agent has" in handler.explain(Ended(code=-9, timed_out=False))
    assert "exit code 3" in handler.explain(Ended(code=3, timed_out=False))
