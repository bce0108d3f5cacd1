"""What `--on` and `--secrets` mean."""

import pytest
from claimcheck_agent.handlers import Handlers


def test_type_finds_its_own_handler_before_the_one_for_any() -> None:
    handlers = Handlers.parse(["*=any", "build=make all=yes"])
    build, other = handlers.find("build"), handlers.find("chat")
    assert build
    assert build.argv == ("/bin/sh", "-c", "make all=yes")
    assert other
    assert other.argv == ("/bin/sh", "-c", "any")


def test_unserved_type_has_none() -> None:
    handlers = Handlers.parse(["build=make", "audit=true"])
    assert handlers.find("chat") is None
    assert handlers.types() == ["audit", "build"]


def test_secrets_belong_to_one_type() -> None:
    handlers = Handlers.parse(["build=make", "chat=reply"], ["build=github,llm"])
    build, chat = handlers.find("build"), handlers.find("chat")
    assert build
    assert build.secrets == ("github", "llm")
    assert chat
    assert chat.secrets == ()


@pytest.mark.parametrize(
    ("on", "secrets"),
    [
        (["build"], []),
        (["build="], []),
        (["Build=x"], []),
        (["=x"], []),
        (["build=a", "build=b"], []),
        (["build=python:nofunction"], []),
        (["build=python:os:system; rm"], []),
        (["build=a"], ["chat=github"]),
        (["build=a"], ["github"]),
    ],
)
def test_mistakes_are_told(on: list[str], secrets: list[str]) -> None:
    with pytest.raises(ValueError, match=r"TYPE=|twice|python:|without"):
        Handlers.parse(on, secrets)
