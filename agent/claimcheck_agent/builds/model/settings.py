"""Which model is asked, and how much may be spent on one build."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a build may use; whichever is used up first ends it.

    Attributes:
        rounds: how often the model may say that it has finished.
        turns: answers of the model in each round.
        tokens: tokens of all questions and answers together, as the endpoint counts them.
        seconds: for the whole build.
        answer_seconds: for one answer, tries included.
        retries: of a question that the endpoint had no time for, or that did not reach it.
        silence_seconds: that may pass in an answer without anything being heard.
        answer_characters: of one answer.
        command_seconds: for one command.
        test_seconds: for one run of the tests, the installation included.
        mistakes: answers in a row of which nothing could be carried out.
        repeats: how often the model may do the same with the same outcome.
        files: how many files the project may have.
        file_bytes: how large each of them may be.
        project_bytes: how large they may be together.
    """

    rounds: int = 5
    turns: int = 60
    tokens: int = 3_000_000
    seconds: float = 3600.0
    answer_seconds: float = 600.0
    retries: int = 4
    silence_seconds: float = 120.0
    answer_characters: int = 1_000_000
    command_seconds: float = 120.0
    test_seconds: float = 600.0
    mistakes: int = 5
    repeats: int = 3
    files: int = 300
    file_bytes: int = 262_144
    project_bytes: int = 5_242_880


@dataclass(frozen=True, kw_only=True)
class Model:
    """An endpoint that speaks OpenAI's chat completions, and the name of a model there.

    Attributes:
        url: the base URL, such as `http://localhost:11434/v1`.
        name: as the endpoint calls the model.
        key: the key of the endpoint; without one it is asked without.
        budget: what a build may use.
    """

    url: str
    name: str
    key: str | None = field(default=None, repr=False)
    budget: Budget = field(default_factory=Budget)

    @property
    def host(self) -> str:
        """The endpoint as messages name it: without what a URL may hold of credentials."""
        parts = urlsplit(self.url)
        return f"{parts.hostname or '?'}:{parts.port}" if parts.port else parts.hostname or "?"
