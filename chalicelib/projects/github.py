"""Projects found on GitHub: repositories of the configured owner whose name has the configured prefix.

They are kept in the projects table, and looked for again once a minute by whichever request comes first, each page
with the validator GitHub gave for it, so that an unchanged page costs no rate limit. When GitHub is out, or has had
enough of us, what the table holds goes on being served.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any
from urllib.parse import urljoin, urlsplit

import urllib3
from pydantic import AwareDatetime, BaseModel, StringConstraints, ValidationError

from chalicelib import times
from chalicelib.dynamo import BACKEND_ERRORS, Refused
from chalicelib.settings import settings
from chalicelib.telemetry import logger

from .tables import ProjectRow, SyncRow

SOURCE = "github"
PER_PAGE = 100
MAX_PAGES = 50
LONGEST_WAIT_SECONDS = 24 * 3600
_RATE_LIMITED = {403, 429}
NOT_MODIFIED = 304
OK = 200
# What GitHub lists where: a user's public repositories, an organization's, or all that the token's own user owns.
_LISTINGS = {
    "user": "/users/{owner}/repos?",
    "organization": "/orgs/{owner}/repos?",
    "own": "/user/repos?affiliation=owner&",
}
# What the API takes for a project's id; a repository whose name gives none is passed over.
_PROJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class GitHubUnavailable(Exception):
    """GitHub cannot be asked now; ``until`` is when to try again."""

    def __init__(self, why: str, until: datetime) -> None:
        super().__init__(why)
        self.until = until


class Repository(BaseModel):
    """An entry of GitHub's list: what a project is made from."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    html_url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=2048)]
    default_branch: Annotated[str, StringConstraints(max_length=255)] | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class Listing:
    """The repositories that were listed, the validators of each page, and whether anything had changed."""

    repositories: list[Repository]
    validators: dict[str, str]


def refresh() -> bool:
    """Look at GitHub if it is time to; whether the table may have changed. Never raises for GitHub's sake."""
    owner = settings().github_owner
    if not owner:
        return False
    listed = f"{settings().github_api_url} {owner} {settings().github_prefix}"
    row = _my_turn(listed)
    if row is None:
        return False
    try:
        listing = _list(owner, json.loads(row.validators) if row.validators else {})
    except GitHubUnavailable as error:
        logger.warning("github.unavailable", reason=str(error), until=times.iso(error.until))
        _look_after(row, error.until)
        return False
    if listing is None:
        return False
    _store(listing)
    _remember(row, listing)
    return True


def _my_turn(listed: str) -> SyncRow | None:
    """The sync row of what is listed, for the one caller who is to look now."""
    now = times.now()
    again = now + timedelta(seconds=settings().github_refresh_seconds)
    row = SyncRow.read(listed)
    if row is not None and row.look_after > now:
        return None
    condition = SyncRow.version == row.version if row else SyncRow.owner.does_not_exist()
    actions = [SyncRow.look_after.set(again), SyncRow.version.set((SyncRow.version | 0) + 1)]
    try:
        return SyncRow.change(listed, actions=actions, condition=condition)
    except Refused:
        return None


def _remember(row: SyncRow, listing: Listing) -> None:
    actions = [SyncRow.validators.set(json.dumps(listing.validators))]
    try:
        SyncRow.change(row.owner, actions=actions, condition=SyncRow.version == row.version)
    except Refused:
        return  # This look took so long that another has begun; that one knows better.


def _look_after(row: SyncRow, until: datetime) -> None:
    SyncRow.change(row.owner, actions=[SyncRow.look_after.set(until)], condition=SyncRow.owner.exists())


def _list(owner: str, validators: dict[str, str]) -> Listing | None:
    """All matching repositories; None where no page has changed since the validators were given."""
    path = _LISTINGS[settings().github_listing].format(owner=owner)
    first = f"{settings().github_api_url.rstrip('/')}{path}per_page={PER_PAGE}&sort=full_name"
    if validators and all(_ask(url, etag).status == NOT_MODIFIED for url, etag in validators.items()):
        return None
    repositories: list[Repository] = []
    fresh: dict[str, str] = {}
    for url, answer in _pages(first):
        page = _entries(answer)
        repositories += [repo for entry in page if (repo := _wanted(entry))]
        # After a full last page there may come to be another, which no validator of this one would tell.
        last_and_full = len(page) >= PER_PAGE and _next_link(url, answer) is None
        fresh[url] = "" if last_and_full else answer.headers.get("ETag", "")
    return Listing(repositories, fresh)


def _entries(answer: urllib3.BaseHTTPResponse) -> list[Any]:
    try:
        page = answer.json()
    except (ValueError, RecursionError) as error:
        raise GitHubUnavailable("the answer is not JSON", _soon()) from error
    if not isinstance(page, list):
        raise GitHubUnavailable("the answer is not a list", _soon())
    return page


def _wanted(entry: object) -> Repository | None:
    """The entry, if it is a repository with our prefix."""
    try:
        found = Repository.model_validate(entry)
    except ValidationError:
        logger.warning("github.entry_skipped")
        return None
    return (
        found if found.name.startswith(settings().github_prefix) and _PROJECT_ID.fullmatch(_project_id(found)) else None
    )


def _pages(first: str) -> Iterator[tuple[str, urllib3.BaseHTTPResponse]]:
    url: str | None = first
    for _ in range(MAX_PAGES):
        if url is None:
            return
        answer = _ask(url, None)
        yield url, answer
        url = _next_link(url, answer)


def _next_link(url: str, answer: urllib3.BaseHTTPResponse) -> str | None:
    """The next page's URL in a Link header (RFC 8288)."""
    links = (link.partition(";") for link in answer.headers.get("Link", "").split(","))
    following = next((urljoin(url, target.strip(" <>")) for target, _, what in links if 'rel="next"' in what), None)
    # Our token goes with every request, and so to no other host than the configured one.
    if following and urlsplit(following)[:2] != urlsplit(settings().github_api_url)[:2]:
        raise GitHubUnavailable("a link to another host", _soon())
    return following


def _ask(url: str, etag: str | None) -> urllib3.BaseHTTPResponse:
    headers = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "claimcheck",
    }
    token = settings().github_token
    if token:
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    if etag:
        headers["If-None-Match"] = etag
    try:
        answer = _pool().request("GET", url, headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise GitHubUnavailable(type(error).__name__, _soon()) from error
    if answer.status in _RATE_LIMITED:
        raise GitHubUnavailable("rate limited", _when_allowed(answer))
    if answer.status not in {OK, NOT_MODIFIED}:
        raise GitHubUnavailable(f"status {answer.status}", _soon())
    return answer


def _when_allowed(answer: urllib3.BaseHTTPResponse) -> datetime:
    """When GitHub says to come back: ``Retry-After``, or the reset of a quota that is used up, or in a minute."""
    wait = _number(answer.headers.get("Retry-After", ""))
    reset = _number(answer.headers.get("X-RateLimit-Reset", ""))
    if wait is None and answer.headers.get("X-RateLimit-Remaining") == "0" and reset is not None:
        wait = reset - int(time.time())
    if wait is None:
        return _soon()
    return times.now() + timedelta(seconds=min(max(wait, 1), LONGEST_WAIT_SECONDS))


def _number(header: str) -> int | None:
    return int(header) if re.fullmatch("[0-9]{1,12}", header) else None


def _soon() -> datetime:
    return times.now() + timedelta(minutes=1)


def _store(listing: Listing) -> None:
    """Make the table's GitHub projects those that were listed; a project registered by hand keeps its id."""
    kept = {row.project_id: row for row in ProjectRow.page(ProjectRow.scan())}
    listed = {_project_id(repo): repo for repo in listing.repositories}
    for project_id, repo in listed.items():
        old = kept.get(project_id)
        if old is None or old.source == SOURCE:
            _put(project_id, repo)
    for project_id, row in kept.items():
        if row.source == SOURCE and project_id not in listed:
            _delete(row)


def _project_id(repo: Repository) -> str:
    return repo.name.removeprefix(settings().github_prefix) or repo.name


def _put(project_id: str, repo: Repository) -> None:
    row = ProjectRow(
        project_id,
        source=SOURCE,
        name=project_id,
        repo=repo.html_url,
        default_branch=repo.default_branch or "main",
        created_at=repo.created_at,
        updated_at=repo.updated_at,
    )
    try:
        # A project may have been registered by hand under this id since the table was read.
        row.put(ProjectRow.project_id.does_not_exist() | (ProjectRow.source == SOURCE))
    except Refused:
        logger.info("github.id_taken", project_id=project_id)


def _delete(row: ProjectRow) -> None:
    try:
        row.delete(condition=ProjectRow.source == SOURCE)
    except BACKEND_ERRORS as error:
        logger.warning("github.delete_failed", project_id=row.project_id, reason=type(error).__name__)


@cache
def _pool() -> urllib3.PoolManager:
    """One pool; a request is tried twice and waited for ten seconds at the most."""
    # GitHub's Retry-After is kept in the table, for everybody; urllib3 would sleep it out in the middle of a request.
    retries = urllib3.Retry(1, redirect=2, respect_retry_after_header=False)
    return urllib3.PoolManager(timeout=urllib3.Timeout(total=10), retries=retries)
