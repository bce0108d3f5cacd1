"""Etherscan's API, version 2 (https://docs.etherscan.io/contract-verification/verify-with-api): one key for all chains.

Other explorers (Blockscout, Snowtrace, Routescan) speak the same, at URLs of their own. It answers refusals with status
200, and says in words how things stand.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from claimcheck_agent.contracts.explorers.client import Explorer, Patience, Sources, Submission, Unusable, told

OK = "1"
# How what it says begins, in small letters.
ALREADY = ("already verified", "contract source code already verified")
WAITING = ("pending", "in progress")
PASSED = ("pass", "verified")
BUSY = ("max calls per sec", "max rate limit", "query timeout")
NOT_SEEN_YET = ("unable to locate contractcode",)


class Etherscan(Explorer):
    """Etherscan, or an explorer that speaks as it does; `url` is where all is asked: `https://api.etherscan.io/v2/api`."""

    name = "etherscan"

    def __init__(self, url: str, key: str, patience: Patience) -> None:
        super().__init__(url, patience)
        self._key = key

    def submit(self, sources: Sources) -> Submission:
        """Hand the sources over, again while the explorer has not yet seen the contract, and wait for the outcome."""
        ticket: list[str] = []

        def look() -> Submission | None:
            if ticket:
                return self._outcome(sources, ticket[0])
            said = self._hand_over(sources)
            if isinstance(said, Submission):
                return said
            ticket.extend(said)
            return None

        return self.wait_for(look)

    def _hand_over(self, sources: Sources) -> Submission | list[str]:
        """Give what it refused or knew, or its ticket, or no ticket if it is to be asked again."""
        form = {
            "contractaddress": sources.address,
            "sourceCode": json.dumps(sources.standard_input),
            "codeformat": "solidity-standard-json-input",
            "contractname": sources.contract,
            "compilerversion": f"v{sources.compiler}",
            # Spelt so from the beginning; version 2 knows the right spelling too.
            "constructorArguements": (sources.arguments or b"").hex(),
            "constructorArguments": (sources.arguments or b"").hex(),
        }
        body = self._call("POST", sources, {"action": "verifysourcecode"}, form)
        said = told(body, "result")
        if _begins(said, NOT_SEEN_YET) or _begins(said, BUSY):
            return []
        if _begins(said, ALREADY):
            return self._submission("already_verified")
        if str(body.get("status")) != OK:
            return self._submission("refused", said)
        return [said]

    def _outcome(self, sources: Sources, ticket: str) -> Submission | None:
        said = told(self._call("GET", sources, {"action": "checkverifystatus", "guid": ticket}), "result")
        if _begins(said, WAITING) or _begins(said, BUSY):
            return None
        if _begins(said, ALREADY):
            return self._submission("already_verified")
        if _begins(said, PASSED):
            return self._submission("verified")
        return self._submission("refused", said)

    def _call(
        self, method: str, sources: Sources, asked: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        query = {"chainid": str(sources.chain_id), "module": "contract", **asked, "apikey": self._key}
        reply = self.ask(method, self.url, params=query, data=form)
        if reply.status != HTTPStatus.OK:
            raise Unusable(
                f"The explorer {self.name} refuses with status {reply.status}: {self._masked(told(reply.body))}"
            )
        return reply.body

    def _submission(self, status: Any, message: str | None = None) -> Submission:  # noqa: ANN401
        # It says nowhere what its pages are called: the network does.
        return Submission(explorer=self.name, status=status, message=message and self._masked(message))

    def _masked(self, text: str) -> str:
        return text.replace(self._key, "***")


def _begins(said: str, words: tuple[str, ...]) -> bool:
    return said.lower().startswith(words)
