"""The rows of a data set: which column is what, and what is asked of whom."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .errors import DataSetError, RowError, TemplateError
from .template import column, fill, having, placeholders

PROMPT = ("prompt", "question", "input", "query", "user_prompt", "instruction")
CONTEXT = ("context", "source", "passage", "document", "source_text")
EXPECTED = (
    "expected", "expected_output", "expected_answer", "expected_response", "ground_truth", "reference",
    "reference_answer", "ideal", "target",
)  # fmt: skip
ACTUAL = (
    "actual", "actual_output", "actual_answer", "actual_response", "answer", "response", "output", "model_output",
    "prediction", "completion",
)  # fmt: skip
"""Names of columns, the preferred one first; case does not matter, and ``Expected Output`` is ``expected_output``."""

_BETWEEN = re.compile(r"[\s_-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of a data set, as texts.

    Attributes:
        prompt: what was asked; empty where there is no such column.
        context: what it was asked about; empty where there is none.
        expected: the answer that was hoped for.
        actual: the answer that was given; None where the data set has none.
        columns: all values by their columns' names.
    """

    prompt: str
    context: str
    expected: str
    actual: str | None
    columns: Mapping[str, str]


def check_columns(columns: Sequence[str], template: str | None, *, answers_given: bool) -> None:
    """Refuse a data set none of whose rows could be scored.

    Args:
        columns: their names.
        template: of the prompts, where there is one.
        answers_given: whether somebody gives the answers; if not, the data set must have them.

    Raises:
        DataSetError: with the columns that there are: no expected answers; no answers, and nobody who gives them;
            no prompts for who gives them; or the template names what there is not, or is not well formed.
    """
    if _find(columns, EXPECTED) is None:
        raise DataSetError(_missing("expected answers", EXPECTED, columns))
    if not answers_given and _find(columns, ACTUAL) is None:
        raise DataSetError(f"no agent is asked, and {_missing('answers', ACTUAL, columns)}")
    if answers_given and template is None and _find(columns, PROMPT) is None:
        raise DataSetError(f"there is no prompt template, and {_missing('prompts', PROMPT, columns)}")
    try:
        for name in sorted(placeholders(template or "")):
            column(name, columns)
    except TemplateError as error:
        raise DataSetError(f"prompt_template: {error}") from error


def parse(line: bytes) -> dict[str, str | None]:
    """The values of a row that is a JSON object, by column: texts, and of what is no text the JSON as it is written.

    A number thus stays what it was in a CSV file, ``1.50`` or one of thirty digits.

    Raises:
        RowError: it is no JSON object.
    """
    import msgspec  # noqa: PLC0415  a cold start does without

    try:
        tokens = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        return {name: _written(bytes(token)) for name, token in tokens.items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RowError(f"the row is not a JSON object: {error}") from error


def _written(token: bytes) -> str | None:
    if token == b"null":
        return None
    return str(json.loads(token)) if token.startswith(b'"') else token.decode()


def row_of(values: Mapping[str, object]) -> Row:
    """A row from its values by column, as JSON has them or as ``parse`` reads them.

    A value that is no text becomes its JSON text; null is none: an empty text, or where it is the answer no answer.

    Raises:
        RowError: there is no expected answer.
    """
    texts = {name: _text(value) for name, value in values.items() if value is not None}
    names = tuple(values)
    expected = _value(names, EXPECTED, texts)
    if expected is None:
        raise RowError("the row has no expected answer")
    return Row(
        prompt=_value(names, PROMPT, texts) or "",
        context=_value(names, CONTEXT, texts) or "",
        expected=expected,
        actual=_value(names, ACTUAL, texts),
        columns={name: texts.get(name, "") for name in names},
    )


def texts_of(values: Mapping[str, object]) -> dict[str, str]:
    """What is known of a row that ``row_of`` refuses: its ``prompt``, ``expected`` and ``actual``, empty for none."""
    texts = {name: _text(value) for name, value in values.items() if value is not None}
    wanted = {"prompt": PROMPT, "expected": EXPECTED, "actual": ACTUAL}
    return {name: _value(tuple(values), known, texts) or "" for name, known in wanted.items()}


def prompt_of(row: Row, template: str | None) -> str:
    """The prompt: the filled template; without one, the row's prompt with its context below.

    Raises:
        RowError: the row lacks a column of the template, or the prompt is too long.
    """
    if template is None:
        return "\n\n".join(part for part in (row.prompt, row.context) if part)
    try:
        return fill(template, row.columns)
    except TemplateError as error:
        raise RowError(str(error)) from error


def _value(names: tuple[str, ...], known: tuple[str, ...], texts: Mapping[str, str]) -> str | None:
    found = _find_in(names, known)
    return None if found is None else texts.get(found)


def _find(columns: Iterable[str], known: tuple[str, ...]) -> str | None:
    return _find_in(tuple(columns), known)


# Rows of a file have the same columns, those of JSON Lines nearly so.
@lru_cache(maxsize=256)
def _find_in(columns: tuple[str, ...], known: tuple[str, ...]) -> str | None:
    """The first column of the most preferred name that there is."""
    there: dict[str, str] = {}
    for each in columns:
        there.setdefault(_BETWEEN.sub("_", each.strip()).casefold(), each)
    return next((there[name] for name in known if name in there), None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _missing(what: str, known: Sequence[str], columns: Sequence[str]) -> str:
    return f"the data set has no column of {what} ({', '.join(known)}); {having(columns)}"
