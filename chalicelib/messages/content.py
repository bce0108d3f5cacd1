"""What a completed job has made: its result, and references to what it has put into the store."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.jobs import documents
from chalicelib.jobs.model import Job
from chalicelib.objects import keys

from . import blobs
from .blobs import BlobReference

MAX_OUTPUTS = 50
_OUTPUTS = ("output", "outputs")


@dataclass(frozen=True, slots=True)
class Content:
    """``kept`` is the result itself, where it is so large that it lies in the store already."""

    result: Any
    kept: BlobReference | None
    outputs: list[BlobReference]


def of(job: Job) -> Content:
    """A completed job's content; of a result that has aged out nothing is left.

    Raises:
        StorageFailed: the tables or the store did not answer.
    """
    found = documents.find(job.job_id, job.result) if job.result else None
    if found is None:
        return Content(None, None, [])
    kept = blobs.to_object(found.object_key) if found.object_key else None
    named = dict.fromkeys(_keys(job, found.value))
    outputs = [blobs.to_object(key) for key in list(named)[:MAX_OUTPUTS]]
    return Content(found.value, kept, [blob for blob in outputs if blob])


def _keys(job: Job, result: Any) -> Iterator[str]:  # noqa: ANN401  any JSON
    """The keys of the outputs that a result names, one or several; a runner is believed only about its own job."""
    told = [result.get(name) for name in _OUTPUTS] if isinstance(result, dict) else []
    for each in told:
        several = each.values() if isinstance(each, dict) and "object_key" not in each else [each]
        for entry in each if isinstance(each, list) else several:
            key = entry.get("object_key") if isinstance(entry, dict) else None
            if isinstance(key, str) and key.startswith(keys.outputs_of(job.job_id)):
                yield key
