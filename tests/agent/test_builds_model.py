"""A build by a model: what is asked, what is done, and when it ends. Of the tests, only their outcome is played."""

import json
from dataclasses import replace

import pytest
from claimcheck_agent.builds.model import BuildFailed
from claimcheck_agent.confine.testing import TestRun

from local.openai_server import Answer, refusal, streamed
from tests.agent.model_script import FINISH, GREEN, NONE, PLAN, RED, Script, command, file


def test_good_first_round(build: Script, capsys: pytest.CaptureFixture[str]) -> None:
    written = build(
        PLAN, streamed("On it.", file("src/shop/__init__.py"), file("README.md", "# Shop\n")), streamed("", FINISH)
    )
    assert (written.files, written.rounds, written.tests) == (["README.md", "src/shop/__init__.py"], 1, GREEN)
    assert (build.folder / "README.md").read_text() == "# Shop\n"
    assert build.bench.closed
    said = capsys.readouterr().out
    assert "1. src/shop/__init__.py: the shop" in said
    assert "wrote README.md (1 lines)" in said
    assert "tests: 3 passed, 0 failed, 0 could not be run, 91.7 % covered" in said


def test_the_order_reaches_the_model_as_data(build: Script) -> None:
    build(PLAN, streamed("", file("a.py")), streamed("", FINISH))
    first = build.messages(0)
    assert [message["role"] for message in first] == ["system", "user"]
    assert json.dumps('Sell "things"\n{{ 7 * 7 }}') in first[1]["content"]
    assert "tools" not in build.server.asked[0].body
    assert {tool["function"]["name"] for tool in build.server.asked[1].body["tools"]} == {
        *("write_file", "read_file", "list_files", "delete_file", "run_command", "run_tests", "finish")
    }


def test_failures_are_fed_back_and_repaired(build: Script) -> None:
    written = build(
        PLAN,
        streamed("", file("shop.py", "total = 2\n")),
        streamed("", FINISH),
        streamed("I see.", file("shop.py", "total = 3\n")),
        streamed("", FINISH),
        tests=(RED, GREEN),
    )
    assert (written.rounds, written.tests) == (2, GREEN)
    assert "E   assert total() == 3" in build.last(3)
    assert (build.folder / "shop.py").read_text() == "total = 3\n"


def test_rounds_are_limited(build: Script) -> None:
    answers = [streamed("", file("shop.py", f"total = {number}\n"), FINISH) for number in range(3)]
    with pytest.raises(BuildFailed, match="did not get it right in 3 rounds: 2 passed, 1 failed") as failed:
        build(PLAN, *answers, tests=(RED,), rounds=3)
    assert (failed.value.partial.files, failed.value.partial.rounds, failed.value.partial.tests) == (
        ["shop.py"],
        3,
        RED,
    )


def test_progress_never_falls(build: Script) -> None:
    build(
        PLAN,
        *[streamed("", file(f"{name}.py")) for name in "abcd"],
        streamed("", FINISH),
        streamed("", FINISH),
        tests=(RED, GREEN),
    )
    percents = [told["percent"] for told in build.told]
    assert percents == sorted(percents)
    assert 0 <= percents[0] < percents[-1] <= 90
    assert [told["files_created"] for told in build.told if told["step"] == "Generating code"] == [0, 1, 2, 3, 4, 4]
    assert {told["step"] for told in build.told} == {"Planning", "Generating code", "Running tests"}


def test_printed_lines_are_no_progress(build: Script, capsys: pytest.CaptureFixture[str]) -> None:
    build(streamed('::progress {"percent": 99}'), streamed("", file("a.py")), streamed("", FINISH))
    said = capsys.readouterr().out.splitlines()
    assert '  ::progress {"percent": 99}' in said
    assert "  ::progress 100" in said  # From the tests.
    assert not [line for line in said if line.startswith("::")]


def test_no_files_and_no_tests_are_no_project(build: Script) -> None:
    build(
        PLAN,
        streamed("", FINISH),
        streamed("", file("a.py"), FINISH),
        streamed("", file("t.py"), FINISH),
        tests=(NONE, GREEN),
    )
    assert "The project has no files yet." in build.last(2)
    assert "There are no tests" in build.last(3)


def test_without_tests_only_the_syntax_is_checked(build: Script) -> None:
    written = build(
        PLAN, streamed("", file("a.py", "def :\n"), FINISH), streamed("", file("a.py"), FINISH), include_tests=False
    )
    assert (written.rounds, written.tests) == (2, None)
    assert "no tests" in build.messages(0)[0]["content"]
    assert "a.py is not Python" in build.last(2)


def test_tools_answer(build: Script) -> None:
    build(
        PLAN,
        streamed(
            "", ("list_files", {}), file("b.py"), file("a/a.py"), ("read_file", {"path": "b.py"}), ("list_files", {})
        ),
        streamed(
            "",
            ("delete_file", {"path": "b.py"}),
            ("read_file", {"path": "b.py"}),
            command("mypy", "a"),
            ("run_tests", {}),
        ),
        streamed("", FINISH),
    )
    first = [message["content"] for message in build.messages(2) if message["role"] == "tool"]
    assert first == [
        "The project has no files yet.",
        "Wrote b.py (1 lines).",
        "Wrote a/a.py (1 lines).",
        "x = 1\n",
        "a/a.py (6 bytes)\nb.py (6 bytes)",
    ]
    second = [message["content"] for message in build.messages(3) if message["role"] == "tool"][5:]
    assert second[:2] == ["Deleted b.py.", "Refused: b.py: there is no such file"]
    assert "exit code 0" in second[2]
    assert "3 passed" in second[3]
    assert build.bench.commands == [["mypy", "a"]]


HOSTILE_PATHS = [
    "/etc/passwd",
    "../out.py",
    "a/../../out.py",
    ".",
    "",
    "a\0b",
    "a\\b",
    "x" * 300,
    "d/" * 40 + "f",
    ".git/hooks/x",
]


@pytest.mark.parametrize("tool", ["write_file", "read_file", "delete_file"])
def test_paths_that_lead_out_are_refused(build: Script, tool: str) -> None:
    (build.folder.parent / "out.py").write_text("mine")
    calls = [(tool, {"path": path, "content": "evil"}) for path in HOSTILE_PATHS]
    written = build(PLAN, streamed("", *calls), streamed("", file("a.py"), FINISH))
    told = [message["content"] for message in build.messages(2) if message["role"] == "tool"]
    assert len(told) == len(HOSTILE_PATHS)
    assert all(said.startswith("Refused: ") for said in told)
    assert written.files == ["a.py"]
    assert (build.folder.parent / "out.py").read_text() == "mine"


def test_links_that_lead_out_are_refused(build: Script, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (build.folder / "link").symlink_to(outside)
    (build.folder / "loop").symlink_to("loop")
    build(
        PLAN, streamed("", file("link/evil.py"), file("loop/evil.py"), file("loop")), streamed("", file("a.py"), FINISH)
    )
    told = [message["content"] for message in build.messages(2) if message["role"] == "tool"]
    assert all(said.startswith("Refused: ") for said in told)
    assert not list(outside.iterdir())


@pytest.mark.parametrize(
    "argv",
    [
        ["sh", "-c", "id"],
        ["/usr/bin/python"],
        ["./pytest"],
        ["pip", "install", "x"],
        ["git", "clone"],
        [""],
        ["python", "a\0b"],
        ["python", "x" * 9000],
        [],
    ],
)
def test_forbidden_commands_are_not_run(build: Script, argv: list[str]) -> None:
    build(PLAN, streamed("", command(*argv)), streamed("", file("a.py"), FINISH))
    assert build.bench.commands == []
    assert build.last(2).startswith(("Refused: ", "The arguments of run_command are not right"))


def test_sizes_and_numbers_are_limited(build: Script) -> None:
    written = build(
        PLAN,
        streamed(
            "", file("huge.py", "x" * 101), file("a.py", "x" * 90), file("b.py", "x" * 90), file("c.py", "x" * 90)
        ),
        streamed(
            "",
            file("c.py", "x"),
            file("d.py", "x"),
            file("a.py", "y" * 90),
            file("a.py/b.py", ""),
            file("a.py", "\ud800"),
        ),
        streamed("", FINISH),
        file_bytes=100,
        project_bytes=200,
        files=3,
    )
    assert written.files == ["a.py", "b.py", "c.py"]
    told = [str(message["content"]) for message in build.messages(3) if message["role"] == "tool"]
    refused = [said.partition(": ")[2] for said in told if said.startswith("Refused: ")]
    assert refused[0] == "huge.py: 101 bytes are too many, a file may have 100"
    assert refused[1] == "c.py: with it the project would be larger than 200 bytes"
    assert refused[2] == "d.py: the project has 3 files already, which is the most it may have"
    assert (build.folder / "a.py").read_text() == "y" * 90


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (streamed("I would rather talk."), "no call of a tool"),
        (streamed(""), "no call of a tool"),
        (streamed("```json\n{]\n```"), "no call of a tool"),
        (streamed("", ("write_file", '{"path": "a.py"')), "arguments of write_file are not right"),
        (streamed("", ("write_file", {"path": "a.py"})), "content: Field required"),
        (streamed("", ("write_file", {"path": 7, "content": "x"})), "path: Input should be a valid string"),
        (streamed("", ("write_file", "[" * 100_000)), "arguments of write_file are not right"),
        (streamed("", ("shell", {"command": "id"})), "There is no tool 'shell'"),
        (streamed("", file("a.py"), ended="length"), "cut off"),
        (streamed("x" * 2000), "cut off"),
    ],
    ids=range(10),
)
def test_malformed_answers_are_corrected(build: Script, answer: Answer, told: str) -> None:
    written = build(
        PLAN, answer, streamed("", file("b.py"), FINISH), answer_characters=1500 if told == "cut off" else 999_999
    )
    assert told in build.last(2)
    assert written.files == ["b.py"]


def test_malformed_answers_are_limited(build: Script) -> None:
    with pytest.raises(BuildFailed, match="4 answers in a row of which nothing could be carried out") as failed:
        build(PLAN, *[streamed(f"Hm {number}.") for number in range(4)], mistakes=4)
    assert failed.value.partial.files == []
    assert len(build.server.asked) == 5


def test_a_good_answer_forgives_earlier_mistakes(build: Script) -> None:
    wrong = [streamed(f"Hm {number}.") for number in range(3)]
    assert build(PLAN, *wrong[:2], streamed("", file("a.py")), *wrong, streamed("", FINISH), mistakes=4).rounds == 1


@pytest.mark.parametrize("contents", [["x = 1\n"], ["x = 1\n", "x = 2\n"]], ids=["same", "to and fro"])
def test_endless_loops_end(build: Script, contents: list[str]) -> None:
    with pytest.raises(BuildFailed, match="goes round in circles"):
        build(PLAN, *[streamed("", file("a.py", content)) for content in contents * 10])
    assert len(build.server.asked) <= 6


def test_turns_are_limited(build: Script) -> None:
    with pytest.raises(BuildFailed, match="did not finish in 6 answers") as failed:
        build(PLAN, *[streamed("", file(f"a{number}.py")) for number in range(6)], turns=6)
    assert len(failed.value.partial.files) == 6


def test_tokens_are_limited(build: Script) -> None:
    with pytest.raises(BuildFailed, match="has used up its 100 tokens"):
        build(PLAN, *[streamed("", file(f"a{number}.py"), tokens=30) for number in range(6)], tokens=100)
    assert len(build.server.asked) == 4


def test_tokens_are_estimated_where_they_are_not_counted(build: Script) -> None:
    uncounted = replace(PLAN, body=PLAN.content.replace(b'"total_tokens": 15', b'"total_tokens": 0'))
    with pytest.raises(BuildFailed, match="has used up its 100 tokens"):
        build(uncounted, tokens=100)


def test_models_without_tools_write_json(build: Script) -> None:
    readme = "# Shop\n```json\n{}\n```\n"
    calls = json.dumps(
        [{"tool": "write_file", "arguments": {"path": "README.md", "content": readme}}, {"tool": "list_files"}]
    )
    refused = refusal(400, "registry.example/model does not support tools")
    written = build(
        PLAN,
        refused,
        streamed(f"Here:\n```json\n{calls}\n```\nDone."),
        streamed('{"tool": "finish", "arguments": {"summary": "."}}'),
    )
    assert written.files == ["README.md"]
    assert (build.folder / "README.md").read_text() == readme
    assert "tools" not in build.server.asked[-1].body
    assert '"name": "write_file"' in build.messages()[0]["content"]
    assert build.last() == "write_file: Wrote README.md (4 lines).\n\nlist_files: README.md (22 bytes)"


def test_an_empty_run_of_tests_is_shown_to_the_model(build: Script) -> None:
    broken = TestRun(passed=0, failed=0, errors=1, coverage=None, output="the project could not be installed")
    build(PLAN, streamed("", file("a.py"), FINISH), streamed("", file("b.py"), FINISH), tests=(broken, GREEN))
    assert "the project could not be installed" in build.last(2)
