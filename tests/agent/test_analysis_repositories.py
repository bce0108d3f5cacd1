"""Which repositories are fetched, what of them, and what is never done with them."""

import base64
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from claimcheck_agent.analysis import sources
from claimcheck_agent.analysis.handler import AnalysisHandler
from claimcheck_agent.analysis.order import Order, Repository
from claimcheck_agent.analysis.sources import SourceFailed, fetch_repository, unpack_archive
from claimcheck_agent.environment import command_environment
from claimcheck_agent.orders import BadOrder
from claimcheck_agent.workspace import Workspace

from tests.agent.git_server import GitServer, git_served

HOSTS = ("github.com", "git.example.org:8443")


def order(**source: object) -> Order:
    return Order.parse({"source": {"kind": "repository", **source}}, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/octocat/Hello-World",
        "https://github.com/octocat/Hello-World.git",
        "https://git.example.org:8443/a/b/c.git",
        "https://github.com/~someone/repository/",
    ],
)
def test_https_url_of_an_allowed_host_is_taken(url: str) -> None:
    assert order(url=url, ref="v1", secret="github").repository == Repository(url=url, ref="v1", secret="github")


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "http://github.com/a/b",
        "git://github.com/a/b",
        "ssh://git@github.com/a/b",
        "git@github.com:a/b",
        "file:///etc",
        "/etc",
        "ext::sh -c date% >&2",
        "--upload-pack=date",
        "https://example.org/a/b",
        "https://github.com.example.org/a/b",
        "https://github.com:444/a/b",
        "https://git.example.org/a/b",
        "https://github.com@example.org/a/b",
        "https://user:word@github.com/a/b",
        "https://example.org#@github.com/a/b",
        "https://github.com/a/b?c=d",
        "https://github.com/a/b#c",
        "https://github.com",
        "https://github.com/a/../b",
        "https://github.com/a//b",
        "https://github.com/-a/b",
        "https://github.com/a b",
        "https://github.com/a\nb",
        "https://github.com:99999/a/b",
        "https://[github.com/a/b",
        "https://github.com/" + "a" * 500,
    ],
)
def test_other_urls_are_refused(url: object) -> None:
    with pytest.raises(BadOrder, match=r"source\.url|only\.$"):
        order(url=url)


@pytest.mark.parametrize("ref", ["", "-x", "--upload-pack=date", "a..b", "a:b", "+main", "a b", "a\n", "^main", 7])
def test_refs_that_git_would_take_for_something_else_are_refused(ref: object) -> None:
    with pytest.raises(BadOrder, match=r"source\.ref"):
        order(url="https://github.com/a/b", ref=ref)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (None, "must be an object"),
        ({"analysis_types": ["beauty"]}, "analysis_types must be of quality, security, types, coverage"),
        ({"analysis_types": "quality"}, "analysis_types"),
        ({"analysis_types": [[]]}, "analysis_types"),
        ({"source": {"kind": "disk"}}, r"source\.kind"),
        ({"source": "disk"}, r"source\.kind"),
        ({"source": {"kind": "repository", "url": "https://github.com/a/b", "secret": "llm"}}, r"source\.secret"),
    ],
)
def test_orders_that_make_no_sense_are_refused(payload: object, told: str) -> None:
    with pytest.raises(BadOrder, match=told):
        Order.parse(payload, HOSTS)


def test_order_that_says_little_is_of_an_archive_for_all_that_runs_none_of_its_code() -> None:
    assert Order.parse({"project_name": "shop"}, HOSTS) == Order(kinds=("quality", "security", "types"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_served(tmp_path_factory.mktemp("git")) as server:
        yield server


@pytest.fixture(scope="module")
def commit(served: GitServer) -> str:
    return served.add(
        "shop",
        {
            "shop/a.py": "a = 1\n",
            "tests/test_a.py": "b = '$Format:%H$'\n",
            "passwd.py": Path("/etc/passwd"),
            # Settings by which a commit's files would be changed, left out, or handed to programs.
            ".gitattributes": "tests export-ignore\n*.py export-subst text eol=crlf filter=run ident\n",
            ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = https://127.0.0.1:1/x\n',
            "hooks/post-checkout": "#!/bin/sh\ntouch /tmp/evil\n",
        },
    )


@pytest.fixture
def trusted(served: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(served.certificate))


def fetch(folder: Path, url: str, ref: str | None = None, token: str | None = None) -> tuple[Path, str]:
    work, source = folder / "repository", folder / "source"
    work.mkdir()
    source.mkdir()
    archive, commit = fetch_repository(Repository(url=url, ref=ref), work, token)
    unpack_archive(archive, source)
    return source, commit


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("ref", [None, "v1", "commit"])
def test_commit_comes_as_it_is(served: GitServer, commit: str, tmp_path: Path, ref: str | None) -> None:
    source, fetched = fetch(tmp_path, served.url("shop"), commit if ref == "commit" else ref)
    assert fetched == commit
    assert (source / "shop/a.py").read_text() == "a = 1\n"
    assert (source / "tests/test_a.py").read_bytes() == b"b = '$Format:%H$'\n"
    assert not (source / "passwd.py").exists()
    assert not list((tmp_path / "repository/repository.git").glob("hooks/*"))


@pytest.mark.usefixtures("trusted", "commit")
def test_token_is_sent_as_a_header_and_only_when_there_is_one(served: GitServer, tmp_path: Path) -> None:
    served.authorizations.clear()
    (tmp_path / "without").mkdir()
    fetch(tmp_path, served.url("shop"), token="ghp_hidden")
    assert {base64.b64decode((sent or "").removeprefix("Basic ")) for sent in served.authorizations} == {
        b"x-access-token:ghp_hidden"
    }
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"ghp_hidden" in path.read_bytes()]
    served.authorizations.clear()
    fetch(tmp_path / "without", served.url("shop"))
    assert set(served.authorizations) == {None}


# Its tests have ended, but the program that runs them waits until a file is there.
TESTED = {
    "shop.py": "PRICE = 1\n",
    "test_shop.py": "import shop\n\n\ndef test_price():\n    assert shop.PRICE == 1\n",
    "conftest.py": """\
import os, time

def pytest_unconfigure():
    os.write(1, b"\\nwaiting\\n")
    until = time.monotonic() + 30
    while not os.path.exists("GO_ON") and time.monotonic() < until:
        time.sleep(0.05)
""",
}


@contextmanager
def program(server: GitServer, space: Workspace, job: dict[str, object], token: str) -> Iterator[subprocess.Popen[str]]:
    """Run an analysis as the agent does."""
    with subprocess.Popen(  # noqa: S603  (our own command)
        AnalysisHandler.fetching_from([server.address]).argv,
        cwd=space.work,
        env=command_environment(job, space, {"github": token}, ("GIT_SSL_CAINFO", "SSL_CERT_FILE")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def environment_of(process: subprocess.Popen[str]) -> bytes:
    """What this user can read of it, which is nothing if the process is sealed and the user is not root."""
    try:
        return Path(f"/proc/{process.pid}/environ").read_bytes()
    except PermissionError:
        return b""


@pytest.mark.usefixtures("trusted")
def test_token_is_out_of_reach_when_the_projects_tests_run(served: GitServer, tmp_path: Path) -> None:
    token, go_on = "ghp_hidden", tmp_path / "go-on"
    served.add("tested", {name: text.replace("GO_ON", str(go_on)) for name, text in TESTED.items()})
    source = {"kind": "repository", "url": served.url("tested"), "secret": "github"}
    payload = {"project_name": "shop", "analysis_types": ["coverage"], "source": source}
    job = {"jobId": "job_0", "type": "code-analysis", "projectId": "shop", "attempt": 1, "payload": payload}
    space = Workspace.create(tmp_path, job, {"github": token})
    served.authorizations.clear()
    with program(served, space, job, token) as process:
        assert process.stdout
        assert "waiting\n" in process.stdout
        assert token.encode() not in environment_of(process)
        assert not [path for path in space.root.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
        go_on.touch()
        process.communicate(timeout=60)
    assert json.loads(space.result_file.read_bytes())["coverage_percent"] == 100.0
    assert {(sent or "")[:6] for sent in served.authorizations} == {"Basic "}


@pytest.mark.usefixtures("trusted", "commit")
def test_redirect_is_not_followed(served: GitServer, tmp_path: Path) -> None:
    served.authorizations.clear()
    with pytest.raises(SourceFailed, match="could not be fetched"):
        fetch(tmp_path, served.url("moved/shop"), token="ghp_hidden")
    assert len(served.authorizations) == 1


@pytest.mark.usefixtures("trusted", "commit")
@pytest.mark.parametrize(
    ("name", "ref", "told"), [("shop", "unknown", "couldn't find remote ref unknown"), ("no", None, "not found")]
)
def test_owner_is_told_what_is_missing(
    served: GitServer, tmp_path: Path, name: str, ref: str | None, told: str
) -> None:
    with pytest.raises(SourceFailed, match=f"The repository could not be fetched: .*{told}"):
        fetch(tmp_path, served.url(name), ref)


@pytest.mark.usefixtures("commit")
def test_certificate_is_checked(served: GitServer, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="certificate"):
        fetch(tmp_path, served.url("shop"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "file:///srv", "/srv", "git://127.0.0.1/x", "ext::sh -c date"])
def test_git_itself_speaks_nothing_but_https(tmp_path: Path, url: str) -> None:
    """Whatever URL gets as far as git."""
    with pytest.raises(SourceFailed, match=r"transport '(http|file|git|ext)' not allowed"):
        fetch(tmp_path, url)


@pytest.mark.usefixtures("trusted")
def test_large_repository_is_refused(served: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served.add("large", {"data.txt": os.urandom(1_500_000).hex()})
    monkeypatch.setattr(sources, "LARGEST_PACK", 1 << 20)
    with pytest.raises(SourceFailed, match="The repository holds more than 1 MB"):
        fetch(tmp_path, served.url("large"))


@pytest.mark.usefixtures("trusted")
def test_repository_that_grows_when_it_is_unpacked_is_refused(
    served: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.add("bomb", {"data.py": "#" * (4 << 20)})
    monkeypatch.setattr(sources, "LARGEST_PACK", 1 << 20)
    with pytest.raises(SourceFailed, match="The repository holds more than 1 MB"):
        fetch(tmp_path, served.url("bomb"))


def test_silent_host_is_not_waited_for_longer_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FETCHING_TIME", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/shop"
        with pytest.raises(SourceFailed, match=r"git fetch took longer than 0\.5 s"):
            fetch(tmp_path, url)
