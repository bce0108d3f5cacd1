"""Hands sources to block explorers, which compile and compare them on their own, and show them to everybody."""

from collections.abc import Mapping
from typing import Any

from claimcheck_agent.contracts.explorers.client import Explorer, Patience, Sources, Submission, Unusable
from claimcheck_agent.contracts.explorers.etherscan import Etherscan
from claimcheck_agent.contracts.explorers.sourcify import Sourcify

__all__ = ["Explorer", "Patience", "Sources", "Submission", "Unusable", "submit"]


def submit(
    verifier: Mapping[str, Any], sources: Sources, key: str | None, patience: Patience | None = None
) -> Submission:
    """Hand sources to an explorer and wait for what it says; never raises for what explorers do.

    `verifier` is a network's (`kind`, `api_url`); `key` is that of Etherscan and its like, which Sourcify does without.
    """
    kind, url, patience = str(verifier.get("kind")), str(verifier.get("api_url")), patience or Patience()
    try:
        if kind == Sourcify.name:
            return _by(Sourcify(url, patience), sources)
        if kind != Etherscan.name:
            return Submission(explorer=kind, status="refused", message="This agent does not know such explorers.")
        if key:
            return _by(Etherscan(url, key, patience), sources)
    except Unusable as error:
        return Submission(explorer=kind, status="unreachable", message=str(error))
    message = "The explorer wants a key: the project has no secret explorer."
    return Submission(explorer=kind, status="refused", message=message)


def _by(explorer: Explorer, sources: Sources) -> Submission:
    try:
        return explorer.submit(sources)
    finally:
        explorer.close()
