"""What can be read out of a job's log and result: each rule finds one kind of insight."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from chalicelib.jobs.logs import Entry

Insight = dict[str, Any]
Rule = Callable[[Sequence[Entry], dict[str, Any]], Iterator[Insight]]

LINES = 20_000
MOST = 200
LONGEST = 1000
_TRANSACTION = re.compile(r"\b0x[0-9a-fA-F]{64}\b")
_GAS = re.compile(r"\bgas used:? (\d[\d,]{0,20})\b", re.IGNORECASE)
_TESTS = re.compile(r"\b(\d{1,9}) (?:of \d{1,9} )?tests? passed", re.IGNORECASE)


def of(entries: Sequence[Entry], result: dict[str, Any]) -> list[Insight]:
    """All insights, in the order of the rules; so many of each at most."""
    return [insight for rule in RULES for insight in islice(rule(entries, result), MOST)]


def _deployment(_: Sequence[Entry], result: dict[str, Any]) -> Iterator[Insight]:
    if "address" in result:
        yield {"type": "deployment", "address": result["address"], "network": result.get("network")}


def _verification(_: Sequence[Entry], result: dict[str, Any]) -> Iterator[Insight]:
    if "verified" in result:
        yield {"type": "verification", "verified": result["verified"], "explorerUrl": result.get("explorerUrl")}


def _transaction(entries: Sequence[Entry], result: dict[str, Any]) -> Iterator[Insight]:
    told = [result["txHash"]] if "txHash" in result else []
    found = [match for entry in entries for match in _TRANSACTION.findall(entry.message)]
    for transaction in dict.fromkeys([*told, *found]):
        yield {"type": "transaction", "txHash": transaction}


def _gas(entries: Sequence[Entry], _: dict[str, Any]) -> Iterator[Insight]:
    for entry in entries:
        for found in _GAS.findall(entry.message):
            yield {"type": "gas", "gasUsed": int(found.replace(",", "")), "stage": _stage(entry)}


def _tests(entries: Sequence[Entry], _: dict[str, Any]) -> Iterator[Insight]:
    for entry in entries:
        for found in _TESTS.findall(entry.message):
            yield {"type": "tests", "passed": int(found)}


def _warnings(entries: Sequence[Entry], _: dict[str, Any]) -> Iterator[Insight]:
    for entry in entries:
        if entry.level in {"warn", "error"}:
            yield {"type": "warning" if entry.level == "warn" else "error", "message": entry.message[:LONGEST],
                   "stage": _stage(entry), "index": entry.segment}  # fmt: skip


def _stages(entries: Sequence[Entry], _: dict[str, Any]) -> Iterator[Insight]:
    began: dict[str, Entry] = {}
    ended: dict[str, Entry] = {}
    for entry in entries:
        if stage := _stage(entry):
            began.setdefault(stage, entry)
            ended[stage] = entry
    for stage, first in began.items():
        seconds = (ended[stage].timestamp - first.timestamp).total_seconds()
        yield {"type": "stage", "stage": stage, "seconds": round(seconds, 3)}


def _stage(entry: Entry) -> str | None:
    found = (entry.metadata or {}).get("stage")
    return found if isinstance(found, str) else None


RULES: tuple[Rule, ...] = (_deployment, _verification, _transaction, _gas, _tests, _stages, _warnings)
