"""Writes a project from a template; the templates are [copier](https://copier.readthedocs.io)'s."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from claimcheck_agent.builds.names import distribution_name, package_name
from claimcheck_agent.builds.order import Order
from claimcheck_agent.orders import BadOrder, shown

TEMPLATES = Path(__file__).with_name("templates")
KNOWN_PARAMETERS = frozenset({"framework", "database", "include_tests"})
DEFAULT_FRAMEWORK = "fastapi"
NO_DATABASE = "none"
LONGEST_SUMMARY = 200  # Characters.

# For each template, the databases that it knows.
DATABASES: Mapping[str, tuple[str, ...]] = {
    "fastapi": (NO_DATABASE, "sqlite", "postgresql"),
    "flask": (NO_DATABASE, "sqlite", "postgresql"),
    "chalice": (NO_DATABASE, "dynamodb"),
    "cli": (NO_DATABASE, "sqlite"),
    "library": (NO_DATABASE,),
}
# Other spellings, in lower case and without what separates words.
ALIASES: Mapping[str, str] = {
    **dict.fromkeys(("argparse", "click", "commandline", "console", "terminal", "typer"), "cli"),
    **dict.fromkeys(("awschalice", "awslambda", "lambda", "serverless"), "chalice"),
    **dict.fromkeys(("lib", "module", "package", "python"), "library"),
    **dict.fromkeys(("", "inmemory", "memory", "no"), NO_DATABASE),
    **dict.fromkeys(("pg", "pgsql", "postgres"), "postgresql"),
    "dynamo": "dynamodb",
    "sqlite3": "sqlite",
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which template is to be rendered, and for which database."""

    template: str
    database: str


def choose(order: Order) -> Recipe:
    """Find the template that an order asks for.

    Raises:
        BadOrder: there is none, or it does not know the database.
    """
    template = _normalised(order.framework or DEFAULT_FRAMEWORK)
    if template not in DATABASES:
        raise BadOrder(
            f"There is no template for the framework {shown(order.framework)}; there are: {_list(DATABASES)}."
        )
    database = _normalised(order.database or NO_DATABASE)
    if database not in DATABASES[template]:
        raise BadOrder(
            f"The template {template} does not know the database {shown(order.database)}; "
            f"it knows: {_list(DATABASES[template])}."
        )
    return Recipe(template=template, database=database)


def render(order: Order, recipe: Recipe, folder: Path) -> list[str]:
    """Write the project into an empty folder; gives its files, sorted, as relative POSIX paths."""
    from copier import run_copy  # noqa: PLC0415  (an extra, and it takes a second to import)

    run_copy(
        str(TEMPLATES),
        folder,
        data={
            "template": recipe.template,
            "database": recipe.database,
            "project_name": order.project_name,
            "distribution": distribution_name(order.project_name),
            "package": package_name(order.project_name),
            "include_tests": order.include_tests,
            "goal": _printable(order.goal),
            "fence": _fence(order.goal),
            "summary": _summary(order),
        },
        quiet=True,
    )
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def unknown_parameters(order: Order) -> list[str]:
    """Name the parameters that mean nothing to templates, sorted."""
    return sorted(set(order.parameters) - KNOWN_PARAMETERS)


def _normalised(name: str) -> str:
    word = re.sub(r"[\s._-]+", "", name.casefold())
    return ALIASES.get(word, word)


def _list(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(names)


def _printable(text: str) -> str:
    """Replace control characters, which make a README no text file; line breaks and tabs stay."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_control(character) else character for character in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" and character not in "\t\n\r"


def _fence(text: str) -> str:
    """Give a fence for a code block of Markdown that is longer than any in the text."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def _summary(order: Order) -> str:
    """Give the goal's first words on one line, as a literal of TOML.

    A string of JSON is one of TOML too where all its characters are printable.
    """
    line = " ".join("".join(character if character.isprintable() else " " for character in order.goal).split())
    line = line if len(line) <= LONGEST_SUMMARY else f"{line[: LONGEST_SUMMARY - 1]}…"
    return json.dumps(line or order.project_name, ensure_ascii=False)
