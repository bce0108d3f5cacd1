"""What a person sees."""

import io
import re
import time
from collections.abc import Callable

import pytest
from claimcheck_agent.display import PlainDisplay, TerminalDisplay, in_words, printable
from rich.console import Console


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what another thread draws a few times a second."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_plain_lines_have_a_time_and_a_level() -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream)
    display.started("job_1", "build")
    display.line("error", "it broke")
    display.progress({"percent": 5})
    display.ended("job_1", "failed", 1.25)
    lines = stream.getvalue().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (info|error) ", line) for line in lines)
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        "job job_1 (build) begins",
        "| it broke",
        "progress: percent 5",
        "job job_1 failed after 1.2 s",
    ]


def test_reader_that_went_away_does_not_end_the_work() -> None:
    stream = io.StringIO()
    stream.close()
    PlainDisplay(stream).line("info", "nobody reads this")


def test_terminal_shows_lines_above_a_status() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with TerminalDisplay(console) as display:
        display.note("info", "agent begins")
        display.started("job_1", "build")
        display.line("info", "[bold]not markup[/bold]")
        display.progress({"percent": 40, "step": "tests"})
        wait_for(lambda: "percent 40, step tests" in shown(console))
        display.ended("job_1", "completed", 2)
    for text in ("agent begins", "[bold]not markup[/bold]", "completed after 2.0 s"):
        assert text in shown(console)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;aGk=\x1b\\text", "text"),
        ("back\b\x00space", "back··space"),
        ("a\tb", "a   b"),
        ("\x9b31m", "·31m"),
        ("ünïcode \N{PILE OF POO}", "ünïcode \N{PILE OF POO}"),
    ],
)
def test_output_cannot_steer_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_progress_in_words() -> None:
    assert in_words({"progress": "Cloning…"}) == "Cloning…"
    assert in_words({"percent": 40, "step": "tests"}) == "percent 40, step tests"
