"""Templates name columns and nothing else."""

import pytest

from chalicelib.engines.evaluation.errors import TemplateError
from chalicelib.engines.evaluation.template import fill, placeholders


def test_placeholders_are_names_of_columns() -> None:
    assert placeholders("Analyze: {context}, {  Net Income }, {{not}}, {context}") == {"context", "Net Income"}
    assert placeholders("") == frozenset()


@pytest.mark.parametrize(
    ("template", "row", "filled"),
    [
        ("Analyze: {context}", {"context": "x"}, "Analyze: x"),
        ("{a}{b}{a}", {"a": "1", "b": "2"}, "121"),
        ("{net income}", {"Net Income ": "5"}, "5"),
        ("{A}{a}", {"a": "lower", "A": "upper"}, "upperlower"),
        ('{{"k": "{v}"}}', {"v": "x"}, '{"k": "x"}'),
        ("{{{v}}}", {"v": "x"}, "{x}"),
        ("{{{{", {}, "{{"),
        ("{v}", {"v": "{w} {{ %s {0}"}, "{w} {{ %s {0}"),
        ("{größe}", {"Größe": "1"}, "1"),
        ("", {}, ""),
    ],
)
def test_a_template_is_filled_once(template: str, row: dict[str, str], filled: str) -> None:
    assert fill(template, row) == filled


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{v.__class__}", "'v.__class__' in braces"),
        ("{v[0]}", "without '\\['"),
        ("{v!r}", "without '!'"),
        ("{v:>9999999999}", "without ':'"),
        ("{}", "nothing in them"),
        ("{ }", "nothing in them"),
        ("a { b", "character 3 of the template is a brace alone; write {{"),
        ("a } b", "write }} for a brace"),
        ("{a{b}}", "character 1"),
        ("{v}}", "write }}"),
    ],
)
def test_a_template_that_is_not_well_formed_is_refused(template: str, message: str) -> None:
    for use in (lambda: placeholders(template), lambda: fill(template, {"v": "x"})):
        with pytest.raises(TemplateError, match=message):
            use()


def test_an_unknown_placeholder_is_named_with_the_columns_there_are() -> None:
    with pytest.raises(TemplateError, match=r"names 'contxt', .* its columns are 'id', 'context'$"):
        fill("{contxt}", {"id": "1", "context": "x"})
    with pytest.raises(TemplateError, match=r"it has none$"):
        fill("{contxt}", {})


def test_names_in_messages_are_short() -> None:
    with pytest.raises(TemplateError) as told:
        fill(f"{{{'x' * 100_000}}}", {"y" * 100_000: "", **{str(number): "" for number in range(10_000)}})
    assert "and 9951 more" in str(told.value)
    assert len(str(told.value)) < 1_000


def test_a_prompt_has_a_million_characters_at_the_most() -> None:
    assert len(fill("{v}" * 1_000, {"v": "x" * 1_000})) == 1_000_000
    with pytest.raises(TemplateError, match="more than 1000000 characters"):
        fill("{v}" * 1_000 + "!", {"v": "x" * 1_000})
