"""Sourcify's API, version 2 (https://docs.sourcify.dev/docs/api/): no key, one ticket for each submission."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from claimcheck_agent.contracts.explorers.client import Explorer, Patience, Reply, Sources, Submission, Unusable, told

OFFICIAL, REPOSITORY = "sourcify.dev", "https://repo.sourcify.dev"


class Sourcify(Explorer):
    """A server of Sourcify's; `url` is what its paths begin with, such as `https://sourcify.dev/server`."""

    name = "sourcify"

    def __init__(self, url: str, patience: Patience) -> None:
        super().__init__(url.removesuffix("/").removesuffix("/v2"), patience)

    def submit(self, sources: Sources) -> Submission:
        """Hand the sources over, unless they are there already, and wait for the outcome."""
        if self._is_verified(sources):
            return self._submission(sources, "already_verified")
        sent = {
            "stdJsonInput": sources.standard_input,
            "compilerVersion": sources.compiler,
            "contractIdentifier": sources.contract,
        }
        if sources.tx_hash:
            sent["creationTransactionHash"] = sources.tx_hash
        reply = self.ask("POST", f"{self.url}/v2/verify/{sources.chain_id}/{sources.address}", json=sent)
        if reply.status == HTTPStatus.CONFLICT:
            return self._submission(sources, "already_verified")
        ticket = reply.body.get("verificationId")
        if reply.status >= HTTPStatus.BAD_REQUEST or not isinstance(ticket, str):
            return self._submission(sources, "refused", told(reply.body))
        return self.wait_for(lambda: self._outcome(sources, ticket))

    def _is_verified(self, sources: Sources) -> bool:
        reply = self.ask("GET", f"{self.url}/v2/contract/{sources.chain_id}/{sources.address}")
        return reply.status == HTTPStatus.OK and bool(reply.body.get("match"))

    def _outcome(self, sources: Sources, ticket: str) -> Submission | None:
        reply = self.ask("GET", f"{self.url}/v2/verify/{quote(ticket, safe='')}")
        if reply.status != HTTPStatus.OK or not isinstance(reply.body.get("isJobCompleted"), bool):
            raise Unusable(f"The explorer {self.name} has lost the submission: {reply.status} {told(reply.body)}")
        if not reply.body["isJobCompleted"]:
            return None
        return self._completed(sources, reply)

    def _completed(self, sources: Sources, reply: Reply) -> Submission:
        error, contract = (_mapping(reply.body.get(name)) for name in ("error", "contract"))
        if error.get("customCode") == "already_verified":
            return self._submission(sources, "already_verified")
        if error or not contract.get("match"):
            return self._submission(sources, "refused", told(error))
        return self._submission(sources, "verified")

    def _submission(self, sources: Sources, status: Any, message: str | None = None) -> Submission:  # noqa: ANN401
        shown = None if message else self.shown_at(sources)
        return Submission(explorer=self.name, status=status, message=message, url=shown)

    def shown_at(self, sources: Sources) -> str:
        """Give where everybody can see the sources."""
        if urlsplit(self.url).hostname == OFFICIAL:
            return f"{REPOSITORY}/{sources.chain_id}/{sources.address}"
        return f"{self.url}/v2/contract/{sources.chain_id}/{sources.address}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
