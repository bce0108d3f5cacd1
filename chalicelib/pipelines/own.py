"""Pipelines run by our own core and its agents; see ``service.PipelineService``."""

from collections.abc import Sequence
from typing import Any

from chalicelib.accounts.sessions import Identity
from chalicelib.jobs import progress
from chalicelib.jobs.model import Kind

from . import bundles, examining, insights, jobs, records, stream, words
from .answers import Lines, Report, Standing, Told, Verdict
from .examining import Examined


def create(user: Identity, order: dict[str, Any], seed: str) -> str:
    """Create a pipeline, which waits for an agent."""
    return jobs.create(user, order, seed).job_id


def detail(user: Identity, job_id: str, *, lines: int | None, with_insights: bool) -> Told:
    """How a job stands, with its log and its result."""
    found = jobs.read(user, job_id)
    entries = bundles.entries(found.job, most=insights.LINES if with_insights else lines)
    data = bundles.detail(found, entries[:lines])
    return Told(data, insights.of(entries, data["result"] or {}) if with_insights else None)


def status(user: Identity, job_id: str) -> Standing:
    """How a job stands."""
    job = jobs.own(user, job_id)
    return Standing(words.status(job), progress.percent(job))


def logs(user: Identity, job_id: str, *, after: int, limit: int) -> Lines:
    """Lines of a job's log."""
    page = jobs.read_log(user, job_id, cursor=after + 1, limit=limit)
    return Lines([words.line(entry) for entry in page.entries], page.more)


def events(user: Identity, job_id: str, *, after: int, last: str | None) -> str | None:
    """What is new since then; see ``stream``."""
    if last == stream.END:
        return None
    heard = stream.Heard.of(last) if last else stream.Heard(cursor=after + 1)
    return stream.events(user, job_id, heard)


def artifacts(user: Identity, job_id: str, names: Sequence[str]) -> dict[str, Any]:
    """What a job has delivered, and the last reports on it."""
    found: dict[str, Any] = {}
    if files := [name for name in names if name in jobs.DELIVERED]:
        jobs.own(user, job_id)
        found = jobs.contents_of(jobs.delivered(job_id), files)
    if reports := [name for name in names if name not in found]:
        record = records.read(user.user_id, job_id)
        found |= {name: examining.last_report(user, record, name) for name in reports}
    return found


def verify_job(user: Identity, job_id: str, network: str | None, name: str | None, seed: str) -> Verdict:
    """Have an agent compare the contract that a job has deployed with its source."""
    return _verdict(examining.verify_job(user, job_id, network, name, seed))


def verify_address(user: Identity, told: dict[str, Any], seed: str) -> Verdict:
    """Have an agent compare a deployed contract with a source."""
    return _verdict(examining.verify_address(user, told, seed))


def verification(network: str, address: str) -> Verdict:
    """Whether a contract has been verified here."""
    found = jobs.verified(network, address)
    return Verdict(found is not None, found.explorer_url if found else None)


def examine(user: Identity, kind: Kind, job_id: str, order: dict[str, Any], seed: str, *, markdown: bool) -> Report:
    """Have an agent audit a job's contract, or check its compliance."""
    found = examining.examine(user, kind, job_id, order["model"], order["policy"], seed)
    if found.told is None:
        return Report(None, job_id=found.job_id)
    return Report(words.plain(found.told), str(found.told.get("markdown", "")) if markdown else None)


def cancel(user: Identity, job_id: str) -> None:
    """Cancel a job that has not ended."""
    jobs.cancel(user, job_id)


def _verdict(found: Examined) -> Verdict:
    told = found.told
    if told is None:
        return Verdict(None, job_id=found.job_id)
    return Verdict(told["verified"], told["explorer_url"], told["reason"])
