"""DuckDB sees nothing but the job's folder and the source, and cannot be made to."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from chalicelib.engines.tabular.session import open_session
from tests.engine.running import LIMITS, Run, converting


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text("secret\n42\n")
    return path


@pytest.fixture
def session(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    folder, source = tmp_path / "work", tmp_path / "source"
    folder.mkdir()
    source.write_text("id\n1\n")
    (folder / "link").symlink_to(tmp_path / "secret.csv")
    with open_session(source, folder, LIMITS) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('{parent}/*')",
        "SELECT * FROM read_text('{parent}/work/link')",
        "SELECT * FROM read_text('{parent}/work/../secret.csv')",
        "SELECT * FROM read_csv('https://example.com/table.csv')",
        "COPY (SELECT 1) TO '{parent}/out.csv'",
        "ATTACH '{parent}/other.db'",
        "EXPORT DATABASE '{parent}/exported'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{parent}/x.duckdb_extension'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET allowed_directories = ['/']",
        "SELECT * FROM LIMITS",
    ],
)
def test_nothing_outside_can_be_reached(
    session: duckdb.DuckDBPyConnection, secret: Path, tmp_path: Path, statement: str
) -> None:
    with pytest.raises(duckdb.Error):
        session.execute(statement.format(secret=secret, parent=tmp_path)).fetchall()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv", "source", "work"]


def test_the_limits_are_set(session: duckdb.DuckDBPyConnection) -> None:
    names = ("memory_limit", "threads", "max_temp_directory_size", "enable_external_access", "lock_configuration")

    settings = [session.execute(f"SELECT current_setting('{name}')").fetchall()[0][0] for name in names]

    assert settings == ["524.5 MiB", 2, "1.8 GiB", False, True]


@pytest.mark.parametrize("name", ["*.csv", "[a-z].csv", "it's; DROP TABLE x.csv", "a\nb.csv", "ü 🎉.csv", "$source"])
def test_a_source_may_be_called_anything(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "x.csv").write_bytes(b"id\n9\n")
    source = tmp_path / name
    source.write_bytes(b"id\n1\n")

    assert run(source).path.read_bytes() == b"id\n1\n"
    assert source.read_bytes() == b"id\n1\n"


def test_a_folder_may_be_called_anything(run: Run, tmp_path: Path) -> None:
    source = tmp_path / 'it\'s a "folder" [x]*'
    source.mkdir()
    (source / "table.csv").write_bytes(b"id\n1\n")

    assert run(source / "table.csv").path.read_bytes() == b"id\n1\n"


@pytest.mark.parametrize("to_format", ["csv", "jsonl", "json", "parquet"])
def test_nothing_is_written_outside_of_the_folder(run: Run, tmp_path: Path, to_format: str) -> None:
    source = tmp_path / "table.csv"
    source.write_bytes(b'id,"""; DROP"\n1,2\n')

    output = run(source, converting(to_format))

    assert output.path.parent == tmp_path / "work-0"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv", "work-0"]
