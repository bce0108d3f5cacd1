"""Projects from GitHub, against a server that speaks its REST listing: what is listed, how seldom, and bad days."""

import socket
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
import urllib3

from tests.contract.fake_github import Answer, GitHub, repository, serving
from tests.contract.harness import changed_settings
from tests.support.api import Api, Bench, ok

TOKEN = "github-token-canary"


@pytest.fixture
def github(api: Api) -> Iterator[GitHub]:
    """The server, and an owner whom nobody has asked for before; what was found is gone at the end."""
    from chalicelib.projects.tables import ProjectRow

    assert api
    with serving() as server:
        owner = f"octo-{uuid.uuid4().hex[:8]}"
        with changed_settings(github_owner=owner, github_api_url=server.url, github_token=TOKEN):
            yield server
    for row in ProjectRow.scan(ProjectRow.source == "github"):
        row.delete()


def _found(bench: Bench) -> list[str]:
    """The names of the projects that came from GitHub."""
    projects = ok(bench.user.get("/api/projects"))
    return [each["projectId"] for each in projects if each["repo"].startswith("https://github.com/")]


def _later(minutes: float = 2) -> time_machine.travel:
    return time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes))


def test_repositories_with_the_prefix_are_projects(bench: Bench, github: GitHub) -> None:
    github.repositories = [repository("mrx-weather-app"), repository("other"), repository("my-mrx-app")]
    assert _found(bench) == ["weather-app"]
    project = ok(bench.user.get("/api/projects/weather-app"))
    assert project == {
        "projectId": "weather-app",
        "name": "weather-app",
        "repo": "https://github.com/octo/mrx-weather-app",
        "defaultBranch": "trunk",
        "createdAt": "2024-01-02T03:04:05.000Z",
        "updatedAt": "2025-01-02T03:04:05.000Z",
    }


def test_request_is_one_that_github_documents(bench: Bench, github: GitHub) -> None:
    _found(bench)
    ((path, headers),) = github.asked
    assert path.startswith("/users/octo-")
    assert "/repos?per_page=100" in path
    expected = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {TOKEN}", "User-Agent": "claimcheck"}
    assert {name: headers[name] for name in expected} == expected
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"


def test_pages_are_followed_to_the_last(bench: Bench, github: GitHub) -> None:
    github.page_size = 2
    github.repositories = [repository(f"mrx-{number}") for number in range(5)]
    assert _found(bench) == ["0", "1", "2", "3", "4"]
    assert [path.rpartition("page=")[2] for path, _ in github.asked[1:]] == ["2", "3"]


def test_list_is_kept_for_the_refresh_time(bench: Bench, github: GitHub) -> None:
    github.repositories = [repository("mrx-a")]
    for _ in range(3):
        assert _found(bench) == ["a"]
    bench.user.get("/api/projects/none")
    assert len(github.asked) == 1


def test_unchanged_pages_are_revalidated_and_not_sent_again(bench: Bench, github: GitHub) -> None:
    github.page_size = 2
    github.repositories = [repository(f"mrx-{number}") for number in range(3)]
    _found(bench)
    with _later():
        assert _found(bench) == ["0", "1", "2"]
    assert github.statuses == [200, 200, 304, 304]
    github.repositories.append(repository("mrx-3"))
    with _later(4):
        assert _found(bench) == ["0", "1", "2", "3"]


def test_new_page_after_a_full_last_one_is_found(bench: Bench, github: GitHub) -> None:
    """The validator of a full page does not change when another page comes after it."""
    github.repositories = [repository(f"mrx-{number:03}") for number in range(100)]
    assert len(_found(bench)) == 100
    github.repositories.append(repository("mrx-100"))
    with _later():
        assert len(_found(bench)) == 101


def test_vanished_repository_is_no_project_any_more(bench: Bench, github: GitHub) -> None:
    github.repositories = [repository("mrx-a"), repository("mrx-b")]
    assert _found(bench) == ["a", "b"]
    github.repositories = [repository("mrx-b")]
    with _later():
        assert _found(bench) == ["b"]
        assert bench.user.get("/api/projects/a").status_code == 404


def test_project_registered_by_hand_keeps_its_id(bench: Bench, github: GitHub) -> None:
    github.repositories = [repository(f"mrx-{bench.project_id}"), repository("mrx-a")]
    assert _found(bench) == ["a"]
    assert ok(bench.user.get(f"/api/projects/{bench.project_id}"))["repo"] == "https://example.com/repo.git"
    github.repositories = [repository("mrx-a")]
    with _later():
        assert _found(bench) == ["a"]
        assert bench.user.get(f"/api/projects/{bench.project_id}").status_code == 200


def test_project_that_is_not_known_yet_is_looked_for(bench: Bench, github: GitHub) -> None:
    github.repositories = [repository("mrx-fresh")]
    assert ok(bench.user.get("/api/projects/fresh"))["projectId"] == "fresh"


def test_another_prefix_is_another_list(bench: Bench, github: GitHub) -> None:
    github.repositories = [repository("mrx-a"), repository("app-b")]
    assert _found(bench) == ["a"]
    with changed_settings(github_prefix="app-"):
        assert _found(bench) == ["b"]


def _reset_in(seconds: int) -> str:
    return str(int(datetime.now(UTC).timestamp()) + seconds)


@pytest.mark.parametrize(("status", "headers"), [
    (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "in 1800"}),
    (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "in 1800"}),
    (429, {"Retry-After": "1800"}),
    (403, {"Retry-After": "1800", "X-RateLimit-Remaining": "10"}),
])  # fmt: skip
def test_rate_limit_is_kept_to_until_its_end(
    bench: Bench, github: GitHub, status: int, headers: dict[str, str]
) -> None:
    github.repositories = [repository("mrx-a")]
    _found(bench)
    given = {name: _reset_in(1800) if value == "in 1800" else value for name, value in headers.items()}
    github.bad_day = lambda _: Answer(status, b'{"message": "rate limited"}', given)
    with _later():
        assert _found(bench) == ["a"]
    asked = len(github.asked)
    assert asked == 2, "a refusal is not asked again in the same breath"
    github.bad_day = lambda _: None
    with _later(20):
        assert _found(bench) == ["a"]
        assert len(github.asked) == asked
    with _later(33):
        _found(bench)
    assert len(github.asked) > asked


@pytest.mark.parametrize("headers", [
    {"Retry-After": "9" * 30}, {"Retry-After": "-5"}, {"Retry-After": "soon"}, {"Retry-After": "999999999999"},
    {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 30},
    {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}, {},
])  # fmt: skip
def test_rate_limit_that_makes_no_sense_breaks_nothing(bench: Bench, github: GitHub, headers: dict[str, str]) -> None:
    from chalicelib.projects.tables import SyncRow

    github.bad_day = lambda _: Answer(429, b"", headers)
    assert _found(bench) == []
    (row,) = [row for row in SyncRow.scan() if github.url in row.owner]
    assert datetime.now(UTC) < row.look_after < datetime.now(UTC) + timedelta(hours=25)


@pytest.mark.parametrize("answer", [
    Answer(500), Answer(502, b"<html>"), Answer(404, b'{"message": "Not Found"}'), Answer(401), Answer(204, b""),
    Answer(200, b"{"), Answer(200, b""), Answer(200, b"\xff"), Answer(200, b"<html>"), Answer(200, b"null"),
    Answer(200, b'{"message": "x"}'), Answer(200, b'"[]"'), Answer(200, b"[" * 100_000),
    Answer(301, b"", {"Location": "/elsewhere"}), Answer(301), Answer(304, b""),
], ids=str)  # fmt: skip
def test_outage_serves_what_the_table_holds(bench: Bench, github: GitHub, answer: Answer) -> None:
    github.repositories = [repository("mrx-a")]
    assert _found(bench) == ["a"]
    github.repositories = []
    github.bad_day = lambda path: answer if "elsewhere" not in path else Answer(500)
    with _later():
        assert _found(bench) == ["a"]
        asked = len(github.asked)
        assert _found(bench) == ["a"]
        assert len(github.asked) == asked, "an outage is not asked after at once"


def test_outage_in_the_middle_of_the_pages_changes_nothing(bench: Bench, github: GitHub) -> None:
    github.page_size = 1
    github.repositories = [repository("mrx-a"), repository("mrx-b")]
    _found(bench)
    github.repositories = [repository("mrx-c"), repository("mrx-d")]
    github.bad_day = lambda path: Answer(500) if path.endswith("page=2") and "If-None-Match" not in path else None
    with _later():
        assert _found(bench) == ["a", "b"]


def test_connection_that_is_refused_serves_what_the_table_holds(bench: Bench, github: GitHub) -> None:
    github.repositories = [repository("mrx-a")]
    _found(bench)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with changed_settings(github_api_url=f"http://127.0.0.1:{unused.getsockname()[1]}"):
            assert _found(bench) == ["a"]


def test_server_that_does_not_answer_is_given_up_on(
    bench: Bench, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a shorter wait than in earnest: what is shown is that it ends and what is served then."""
    from chalicelib.projects import github as client

    assert github.url
    configured = client._pool().connection_pool_kw
    assert configured["timeout"].total <= 10
    assert configured["retries"].respect_retry_after_header is False
    impatient = urllib3.PoolManager(timeout=urllib3.Timeout(total=0.2), retries=configured["retries"])
    monkeypatch.setattr(client, "_pool", lambda: impatient)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with changed_settings(github_api_url=url):
            assert _found(bench) == []


@pytest.mark.parametrize("entry", [
    None, 1, "mrx-x", [], {}, {"name": None}, {"name": "mrx-x"}, repository("mrx-x", html_url=None),
    repository("mrx-x", html_url="javascript:alert(1)"), repository("mrx-x", created_at="yesterday"),
    repository("mrx-x", updated_at=None), repository("mrx-x", created_at="2024-01-01T00:00:00"),
    repository("mrx-x", default_branch=7), repository("mrx-" + "x" * 3000), repository("mrx-a b"),
    repository("mrx-x\n"), repository("mrx-../x"),
], ids=lambda entry: str(entry)[:40])  # fmt: skip
def test_entry_that_is_no_repository_is_passed_over(bench: Bench, github: GitHub, entry: Any) -> None:
    github.repositories = [repository("mrx-a"), entry, repository("mrx-b", default_branch=None, surprise=[1])]
    assert _found(bench) == ["a", "b"]
    assert ok(bench.user.get("/api/projects/b"))["defaultBranch"] == "main"


@pytest.mark.parametrize("evil", ["http://localhost:{port}", "https://127.0.0.1:{port}", "//localhost:{port}"])
def test_link_to_another_host_is_not_followed_and_gets_no_token(bench: Bench, github: GitHub, evil: str) -> None:
    """Our token would go with the request."""
    with serving() as other:
        other.repositories = [repository("mrx-theirs")]
        link = f'<{evil.format(port=other.url.rpartition(":")[2])}/users/x/repos?page=2>; rel="next"'
        github.bad_day = lambda _: Answer(200, b"[]", {"Link": link})
        assert _found(bench) == []
        assert other.asked == []


def test_redirect_to_another_host_gets_no_token(bench: Bench, github: GitHub) -> None:
    with serving() as other:
        there = other.url.replace("127.0.0.1", "localhost")
        github.bad_day = lambda path: Answer(301, b"", {"Location": there + path})
        _found(bench)
        assert [headers.get("Authorization") for _, headers in other.asked] in ([], [None])
        assert TOKEN not in str(other.asked)


def test_look_that_was_overtaken_by_another_breaks_nothing(bench: Bench, github: GitHub) -> None:
    """A slow look whose turn has passed: another container has counted the version on meanwhile."""
    from chalicelib.projects.tables import SyncRow

    github.repositories = [repository("mrx-a")]

    def overtake(_: str) -> None:
        for row in SyncRow.scan():
            if github.url in row.owner:
                row.update([SyncRow.version.set(SyncRow.version + 1)])

    github.bad_day = overtake
    assert _found(bench) == ["a"]


def test_without_an_owner_nobody_is_asked(bench: Bench, github: GitHub) -> None:
    with changed_settings(github_owner=""):
        _found(bench)
        bench.user.get("/api/projects/none")
    assert github.asked == []
