"""What an analysis is to look at, and for what: the payload of its job, read strictly."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from claimcheck_agent.orders import BadOrder

KINDS = ("quality", "security", "types", "coverage")
USUAL = ("quality", "security", "types")
HOSTS = ("github.com", "gitlab.com", "bitbucket.org")
SECRET = "github"  # noqa: S105  (the name of a secret)

LONGEST_URL = 512  # Characters.
REPOSITORY_PATH = re.compile(r"(/[A-Za-z0-9~_][A-Za-z0-9._~-]*)+/?")
# A branch, a tag or the hash of a commit, and nothing that git would take for an option or a refspec.
REF = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._/@+#-]{0,254}")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository at one of its commits, the newest of its default branch if `ref` is None.

    `secret` is the type of the secret with which it is fetched, if the project has one.
    """

    url: str
    ref: str | None = None
    secret: str | None = None

    @classmethod
    def parse(cls, source: Mapping[str, Any], hosts: Collection[str]) -> Self:
        """Read the source of a payload; `hosts` are those that repositories are fetched from.

        Raises:
            BadOrder: something is wrong with it, or its host is none of these.
        """
        url, ref, secret = source.get("url"), source.get("ref"), source.get("secret")
        if not (isinstance(url, str) and len(url) <= LONGEST_URL and url.isascii() and url.isprintable()):
            raise BadOrder("source.url must be the https URL of a repository.")
        if ref is not None and not (isinstance(ref, str) and REF.fullmatch(ref)):
            raise BadOrder("source.ref must be a branch, a tag or the hash of a commit.")
        if secret not in {None, SECRET}:
            raise BadOrder(f"source.secret must be {SECRET!r}, or left out.")
        return cls(url=_checked_url(url, hosts), ref=ref, secret=secret)


@dataclass(frozen=True, kw_only=True)
class Order:
    """One analysis: of a repository, or of the archive that is the job's input if that is None."""

    kinds: tuple[str, ...]
    repository: Repository | None = None

    @classmethod
    def parse(cls, payload: Any, hosts: Collection[str]) -> Self:  # noqa: ANN401  (whatever JSON was given)
        """Read a job's payload.

        Raises:
            BadOrder: a field is not what it should be.
        """
        if not isinstance(payload, dict):
            raise BadOrder("The payload must be an object.")
        kinds = payload.get("analysis_types") or USUAL
        if not isinstance(kinds, list | tuple) or any(kind not in KINDS for kind in kinds):
            raise BadOrder(f"analysis_types must be of {', '.join(KINDS)}.")
        ordered = tuple(kind for kind in KINDS if kind in kinds)
        source = payload.get("source") or {"kind": "archive"}
        match source:
            case {"kind": "archive"}:
                return cls(kinds=ordered)
            case {"kind": "repository"}:
                return cls(kinds=ordered, repository=Repository.parse(source, hosts))
        raise BadOrder("source.kind must be archive or repository.")


def _checked_url(url: str, hosts: Collection[str]) -> str:
    """Give the URL as git is to be asked for it: made anew of the parts that were looked at."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        address = host if parts.port is None else f"{host}:{parts.port}"
    except ValueError as error:
        raise BadOrder("source.url is not a URL.") from error
    if parts.scheme != "https" or "@" in parts.netloc or parts.query or parts.fragment:
        raise BadOrder("source.url must be an https URL without a user, a query or a fragment.")
    if address not in hosts:
        raise BadOrder(f"Repositories are fetched from {', '.join(sorted(hosts))} only.")
    if not REPOSITORY_PATH.fullmatch(parts.path):
        raise BadOrder("source.url must have the path of a repository.")
    return f"https://{address}{parts.path}"
