"""Names in Python for a project that may have any name."""

import builtins
import keyword
import re
import sys

SUFFIX = "project"

# What the projects that templates write depend on, directly or not, in all the ways they are spelt (with underscores):
# a package of the same name would hide them, a distribution would depend on itself.
DEPENDENCIES = frozenset(
    """
    annotated_doc annotated_types anyio attr attrs blessed blinker boto3 botocore certifi cffi chalice chalicelib
    charset_normalizer click colorama coverage cryptography dateutil docker docs dotenv editor fastapi flask h11
    hatchling httpcore httpcore2 httptools httpx httpx2 idna iniconfig inquirer itsdangerous jinja2 jinxed jmespath
    markdown_it markdown_it_py markupsafe mdurl moto mypy opentelemetry opentelemetry_api packaging pathspec pip
    pkg_resources pluggy psycopg psycopg_binary py py_partiql py_partiql_parser pycparser pydantic pydantic_core
    pydantic_settings pygments pytest pytest_cov python_dateutil python_dotenv pyyaml readchar requests responses rich
    ruff runs s3transfer setuptools shellingham six sqlalchemy starlette trove_classifiers truststore typer
    typing_extensions typing_inspection tzdata urllib3 uv uvicorn wcwidth werkzeug wheel xmltodict xmod yaml
    """.split()  # noqa: SIM905  (a list would take a line for each)
)
# What else means something at the top of a project, to its tools or in a shell. Some of it no project keeps, so that
# packages of these names would not be kept either.
MEANT = frozenset(
    {
        *("activate", "app", "build", "conftest", "deactivate", "dist", "htmlcov", "node_modules", "self"),
        *("src", "test", "tests"),
    }
)
PROGRAMS = re.compile(r"(idle|pip|pydoc|pypy|python|pythonw)[\d_]*")

TAKEN = frozenset(
    name.casefold()
    for names in (keyword.kwlist, keyword.softkwlist, dir(builtins), sys.stdlib_module_names, DEPENDENCIES, MEANT)
    for name in names
)


def package_name(project_name: str) -> str:
    """Give the name to import: an identifier in lower case that stands for nothing else.

    The project's name holds ASCII letters and digits, dots, hyphens and underscores, and begins with a letter or digit.
    """
    name = _identifier(project_name)
    if _is_taken(name):
        return f"{name}_{SUFFIX}"
    return f"{SUFFIX}_{name}" if name[0].isdigit() else name


def distribution_name(project_name: str) -> str:
    """Give the name under which the project is installed: its own if nothing else has it."""
    name = project_name.rstrip("._-")
    return f"{name}-{SUFFIX}" if _is_taken(_identifier(project_name)) else name


def _identifier(project_name: str) -> str:
    return re.sub(r"[._-]+", "_", project_name.lower()).strip("_")


def _is_taken(name: str) -> bool:
    return name in TAKEN or PROGRAMS.fullmatch(name) is not None
