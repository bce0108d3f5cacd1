"""What a build's payload may say, and the names and the template that come of it."""

import keyword
import sys
from typing import Any

import pytest
from claimcheck_agent.builds.names import distribution_name, package_name
from claimcheck_agent.builds.order import Order
from claimcheck_agent.builds.render import DATABASES, TEMPLATES, choose, unknown_parameters
from claimcheck_agent.confine.environment import LEFT_OUT
from claimcheck_agent.orders import BadOrder

PAYLOAD: dict[str, Any] = {"project_name": "shop", "goal": "Sell things."}


def parse(**parameters: Any) -> Order:
    return Order.parse(PAYLOAD | {"parameters": parameters})


class TestPayload:
    def test_all_is_read(self) -> None:
        parameters = {"framework": "Flask", "database": "sqlite", "include_tests": False, "theme": {"dark": True}}
        order = Order.parse(PAYLOAD | {"parameters": parameters, "created_by": "me@example.org"})
        assert (order.project_name, order.goal) == ("shop", "Sell things.")
        assert (order.framework, order.database, order.include_tests) == ("Flask", "sqlite", False)
        assert order.parameters == parameters
        assert unknown_parameters(order) == ["theme"]

    @pytest.mark.parametrize("given", [{}, {"parameters": None}, {"parameters": {}}])
    def test_tests_are_written_unless_somebody_says_otherwise(self, given: dict[str, Any]) -> None:
        order = Order.parse(PAYLOAD | given)
        assert (order.framework, order.database, order.include_tests) == (None, None, True)

    @pytest.mark.parametrize(
        ("payload", "told"),
        [
            (None, "the payload must be an object"),
            ({"goal": "x"}, "project_name must be"),
            (PAYLOAD | {"project_name": "../up"}, "project_name must be"),
            (PAYLOAD | {"project_name": "shop\n"}, "project_name must be"),
            (PAYLOAD | {"project_name": "x" * 65}, "project_name must be"),
            (PAYLOAD | {"goal": None}, "goal must be a text; it is None"),
            (PAYLOAD | {"parameters": []}, ""),
            (PAYLOAD | {"parameters": ["x"]}, "parameters must be an object"),
            (PAYLOAD | {"parameters": {"framework": 1}}, "framework must be a text; it is 1"),
            (PAYLOAD | {"parameters": {"database": {"a": "b" * 99}}}, "database must be a text; it is .*…"),
            (PAYLOAD | {"parameters": {"include_tests": "no"}}, "include_tests must be true or false; it is 'no'"),
        ],
    )
    def test_what_is_wrong_is_named(self, payload: object, told: str) -> None:
        if not told:
            assert Order.parse(payload).parameters == {}
            return
        with pytest.raises(BadOrder, match=told):
            Order.parse(payload)

    def test_half_a_surrogate_pair_is_replaced(self) -> None:
        assert Order.parse(PAYLOAD | {"goal": "a\ud83db"}).goal == "a?b"


class TestTemplate:
    @pytest.mark.parametrize(
        ("framework", "database", "expected"),
        [
            (None, None, ("fastapi", "none")),
            ("", "", ("fastapi", "none")),
            ("FastAPI", "PostgreSQL", ("fastapi", "postgresql")),
            (" fast api ", "Postgres", ("fastapi", "postgresql")),
            ("Flask", "SQLite3", ("flask", "sqlite")),
            ("AWS-Chalice", "DynamoDB", ("chalice", "dynamodb")),
            ("command-line", "in memory", ("cli", "none")),
            ("Typer", "sqlite", ("cli", "sqlite")),
            ("lib", "none", ("library", "none")),
        ],
    )
    def test_spellings_are_understood(self, framework: str, database: str, expected: tuple[str, str]) -> None:
        recipe = choose(parse(framework=framework, database=database))
        assert (recipe.template, recipe.database) == expected

    def test_unknown_framework_is_named_with_those_that_there_are(self) -> None:
        with pytest.raises(BadOrder) as refused:
            choose(parse(framework="Django"))
        assert "'Django'" in str(refused.value)
        assert all(name in str(refused.value) for name in DATABASES)

    @pytest.mark.parametrize(
        ("framework", "database", "known"),
        [
            ("flask", "MongoDB", "it knows: none, sqlite, postgresql."),
            ("library", "sqlite", "it knows: none."),
            ("chalice", "postgresql", "it knows: none, dynamodb."),
        ],
    )
    def test_unknown_database_is_named_with_those_that_there_are(
        self, framework: str, database: str, known: str
    ) -> None:
        with pytest.raises(BadOrder, match=f"{framework} does not know the database '{database}'; {known}"):
            choose(parse(framework=framework, database=database))


class TestNames:
    @pytest.mark.parametrize(
        ("project", "package", "distribution"),
        [
            ("shop", "shop", "shop"),
            ("My-Shop.API", "my_shop_api", "My-Shop.API"),
            ("a..-__b", "a_b", "a..-__b"),
            ("shop-._", "shop", "shop"),
            ("2048", "project_2048", "2048"),
            ("0", "project_0", "0"),
            ("class", "class_project", "class-project"),
            ("Match", "match_project", "Match-project"),
            ("None", "none_project", "None-project"),
            ("json", "json_project", "json-project"),
            ("print", "print_project", "print-project"),
            ("FastAPI", "fastapi_project", "FastAPI-project"),
            ("python-dotenv", "python_dotenv_project", "python-dotenv-project"),
            ("tests", "tests_project", "tests-project"),
            ("python3.11", "python3_11_project", "python3.11-project"),
            ("my-project", "my_project", "my-project"),
            ("x" * 64, "x" * 64, "x" * 64),
        ],
    )
    def test_names_stand_for_nothing_else(self, project: str, package: str, distribution: str) -> None:
        assert (package_name(project), distribution_name(project)) == (package, distribution)

    def test_no_package_is_named_like_what_is_not_kept(self) -> None:
        ignored = (TEMPLATES / "shared" / "gitignore.jinja").read_text().split()
        left_out = LEFT_OUT("", ["node_modules", "venv", *(name.strip("/") for name in ignored)])
        names = {*left_out, *(name.strip("/") for name in ignored if name[0].isalpha())}
        plain = {name for name in names if name.isidentifier() and not name.startswith("_")}
        assert {"build", "htmlcov", "node_modules"} < plain
        assert {package_name(name) for name in plain} == {f"{name}_project" for name in plain}

    def test_no_package_hides_a_module_or_is_a_word_of_the_language(self) -> None:
        for name in (*sys.stdlib_module_names, *keyword.kwlist, *keyword.softkwlist):
            if name[0].isalpha():
                package = package_name(name)
                assert package.isidentifier()
                assert package not in sys.stdlib_module_names
                assert not keyword.iskeyword(package)
