"""Every template: built by an agent, then installed, started and asked something, as whoever ordered it would do."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import requests
import uv
from claimcheck_agent.builds.names import package_name
from claimcheck_agent.builds.order import Order
from claimcheck_agent.builds.render import Recipe, render

from tests.agent.conftest import SECRET
from tests.agent.fake_jobs import FakeJob
from tests.agent.fake_server import FakeServer

pytestmark = pytest.mark.projects

# By framework: the database that is asked for, and what is to be in the project.
ORDERED = {
    "fastapi": ("postgresql", "src/fastapi_demo/app.py"),
    "flask": ("sqlite", "src/flask_demo/database.py"),
    "chalice": ("dynamodb", ".chalice/policy-dev.json"),
    "cli": ("sqlite", "src/cli_demo/cli.py"),
    "library": ("none", "src/library_demo/__init__.py"),
}
WITHOUT_DATABASE = [name for name, (database, _) in ORDERED.items() if database != "none"]
PACKAGES = [name for name in ORDERED if name != "chalice"]
LONGEST = 300.0  # Seconds for installing and running all, on a busy machine that has nothing cached.
ITEM = {"name": "Kettle", "description": "Whistles.", "quantity": 3}


@dataclass
class Built:
    job: FakeJob
    folder: Path
    files: list[str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """What one agent has made of an order for each framework."""
    folder = tmp_path_factory.mktemp("built")
    with FakeServer() as server:
        jobs = {
            name: server.add("code-build", _order(name, database), project_id="", queue="builds")
            for name, (database, _) in ORDERED.items()
        }
        basic = ("run", "--url", server.url, "--id", "agent-1", "--queue", "builds", "--workdir", str(folder / "jobs"))
        _run(
            (sys.executable, "-m", "claimcheck_agent.cli", *basic, "--max-jobs", str(len(jobs))),
            env={"CLAIMCHECK_AGENT_SECRET": SECRET},
        )
        return {name: _unpacked(server, job, folder / name) for name, job in jobs.items()}


def _order(framework: str, database: str) -> dict[str, object]:
    parameters = {"framework": framework, "database": database}
    return {"project_name": f"{framework}-demo", "goal": "Keep `items`.", "parameters": parameters}


def _unpacked(server: FakeServer, job: FakeJob, folder: Path) -> Built:
    assert job.state == "completed", (job.result, job.lines)
    with tarfile.open(fileobj=io.BytesIO(server.state.delivered(job)["sources.tar.gz"])) as archive:
        archive.extractall(folder, filter="data")
        names = [member.name for member in archive]
    (top,) = folder.iterdir()
    return Built(job=job, folder=top, files=[name.removeprefix(f"{top.name}/") for name in names])


def _run(argv: tuple[str, ...], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end; gives what it printed."""
    done = subprocess.run(  # noqa: S603  (our own command)
        argv, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False, timeout=LONGEST
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def venv(built: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One virtual environment for all of them, as their READMEs say."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    program = uv.find_uv_bin()
    _run((program, "venv", "--quiet", "--python", sys.executable, str(folder)))
    projects = (f"--editable={built[name].folder}[test]" for name in PACKAGES)
    chalice = f"--requirements={built['chalice'].folder / 'requirements-dev.txt'}"
    _run((program, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), chalice, *projects))
    return folder


@contextmanager
def serving(argv: tuple[str, ...], cwd: Path, env: Mapping[str, str], said: str) -> Iterator[str]:
    """Run a server while the block lasts; gives the URL that it prints, after these words."""
    process = subprocess.Popen(  # noqa: S603  (our own command)
        argv,
        cwd=cwd,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        printed = []
        for line in process.stdout:
            printed.append(line)
            if found := re.search(rf"{said} (http://127\.0\.0\.1:\d+)", line):
                yield found[1]
                return
        pytest.fail("".join(printed))
    finally:
        process.kill()
        process.communicate()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize("name", ORDERED)
def test_build_tells_what_was_made_and_measured(built: dict[str, Built], name: str) -> None:
    result = built[name].job.result
    assert result
    assert result["generated_files"] == built[name].files
    assert {"README.md", "pyproject.toml", ".gitignore", ORDERED[name][1]} < set(built[name].files)
    assert (result["written_by"], result["rounds"], result["tests_failed"]) == (f"template {name}", 1, 0)
    assert result["tests_passed"] > 10
    assert result["test_coverage"] > 85
    assert len(json.dumps(result)) < 64_000
    steps = {shown["step"] for shown in built[name].job.progress}
    assert steps <= {"Reading the order", "Writing files", "Installing", "Running tests", "Packing"}


class TestServices:
    def check(self, url: str) -> None:
        """Ask a service what every one of them answers."""
        assert requests.get(f"{url}/health", timeout=9).json() == {"status": "ok"}
        assert requests.get(f"{url}/ready", timeout=9).status_code == 200
        made = requests.post(f"{url}/items", json=ITEM, timeout=9)
        assert made.status_code == 201
        item = f"{url}/items/{made.json()['id']}"
        assert requests.get(item, timeout=9).json() == ITEM | {"id": made.json()["id"]}
        assert requests.post(f"{url}/items", json=ITEM | {"quantity": -1}, timeout=9).status_code == 422
        assert requests.delete(item, timeout=9).status_code == 204
        assert requests.get(item, timeout=9).status_code == 404

    def test_fastapi(self, built: dict[str, Built], venv: Path, tmp_path: Path) -> None:
        program = (str(venv / "bin" / "uvicorn"), "--factory", "fastapi_demo.app:create_app", "--port", "0")
        env = {"DATABASE_URL": f"sqlite:///{tmp_path / 'items.db'}"}
        with serving(program, built["fastapi"].folder, env, "running on") as url:
            self.check(url)
            assert "/items/{item_id}" in requests.get(f"{url}/openapi.json", timeout=9).json()["paths"]

    def test_flask(self, built: dict[str, Built], venv: Path, tmp_path: Path) -> None:
        program = (str(venv / "bin" / "flask"), "--app", "flask_demo.app", "run", "--port", "0")
        env = {"DATABASE_URL": f"sqlite:///{tmp_path / 'items.db'}"}
        with serving(program, built["flask"].folder, env, "Running on") as url:
            self.check(url)

    def test_chalice(self, built: dict[str, Built], venv: Path) -> None:
        stand_in = "from moto.server import main; main(['--port', '0'])"
        account = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "testing")
        env = {"AWS_DEFAULT_REGION": "eu-central-1", **account}
        with serving((sys.executable, "-c", stand_in), venv, {}, "Running on") as aws:
            boto3.client(
                "dynamodb",
                endpoint_url=aws,
                region_name="eu-central-1",
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
            ).create_table(
                TableName="chalice_demo-items",
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            program = (str(venv / "bin" / "chalice"), "local", "--no-autoreload", "--port", free_port())
            env["AWS_ENDPOINT_URL_DYNAMODB"] = aws
            with serving(program, built["chalice"].folder, env, "Serving on") as url:
                self.check(url)


def test_command_does_what_its_readme_says(built: dict[str, Built], venv: Path, tmp_path: Path) -> None:
    env = {"PATH": f"{venv / 'bin'}:{os.environ['PATH']}", "CLI_DEMO_FILE": str(tmp_path / "items.db")}
    readme = (built["cli"].folder / "README.md").read_text()
    commands = re.findall(r"^    (cli_demo .*)$", readme, re.MULTILINE)
    assert commands == ["cli_demo add Kettle --quantity 3", "cli_demo list"]
    printed = [_run(tuple(command.split()), cwd=tmp_path, env=env) for command in commands]
    assert printed == ["1\n", "1\t3\tKettle\n"]


def test_library_does_what_its_readme_says(built: dict[str, Built], venv: Path, tmp_path: Path) -> None:
    readme = (built["library"].folder / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    _run((str(venv / "bin" / "python"), "-c", f"{example}\nassert len(catalogue) == 0"), cwd=tmp_path)


def test_no_package_is_named_like_what_it_needs(venv: Path) -> None:
    (packages,) = venv.glob("lib/python*/site-packages")
    ours = {f"{name}_demo" for name in PACKAGES}
    names = {path.name.partition(".")[0].partition("-")[0] for path in packages.iterdir()} - ours
    plain = {name for name in names if name[0].isalpha() and name.isascii()}
    assert len(plain) > 50
    assert sorted(name for name in plain if package_name(name) == name.lower()) == []


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same without a database, where one was ordered; the other databases differ in a line or two."""
    folder = tmp_path_factory.mktemp("others")
    for name in WITHOUT_DATABASE:
        order = Order(project_name=f"{name}_none", goal="Keep items.")
        render(order, Recipe(template=name, database="none"), folder / name)
    return {name: folder / name for name in WITHOUT_DATABASE}


@pytest.mark.parametrize("name", WITHOUT_DATABASE)
def test_projects_without_a_database_pass_their_tests(others: dict[str, Path], venv: Path, name: str) -> None:
    program = (str(venv / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "passed" in _run(program, cwd=others[name], env={"PYTHONPATH": str(others[name] / "src")})


def test_types_are_right(
    built: dict[str, Built], others: dict[str, Path], venv: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # What mypy keeps of one project serves all others with the same plugins.
    caches = {plugins: str(tmp_path_factory.mktemp("types")) for plugins in (True, False)}
    for project in (*(made.folder for made in built.values()), *others.values()):
        program = (sys.executable, "-m", "mypy", "--python-executable", str(venv / "bin" / "python"))
        plugins = "pydantic.mypy" in (project / "pyproject.toml").read_text()
        _run((*program, "--cache-dir", caches[plugins]), cwd=project)
