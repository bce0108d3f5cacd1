"""The stage of file jobs: claims the next one as any agent does, and sees it through to its end."""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import TypeAdapter

from chalicelib import queues
from chalicelib.accounts.agents import Stage
from chalicelib.engines.tabular.errors import NeedsMore, NotEnoughSpace, TabularError
from chalicelib.engines.tabular.naming import output_name
from chalicelib.engines.tabular.process import Limits, Output, Plan, process
from chalicelib.engines.tabular.steps import Options, Step
from chalicelib.errors import Conflict, InputChanged, InvalidStateTransition, StorageFailed, UploadIncomplete
from chalicelib.jobs import claims, holding
from chalicelib.jobs.holding import Holder
from chalicelib.jobs.model import Job, State
from chalicelib.objects import keys, leftovers, transfers
from chalicelib.settings import settings
from chalicelib.telemetry import logger, start_trace

from . import jobs
from .watch import Cancelled, OutOfTime, Watch

# What the last words need at the end of a function's time.
RESERVED_SECONDS = 20
THREADS = os.cpu_count() or 1

_steps = TypeAdapter(list[Step])


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed job, in the hands of its holder."""

    holder: Holder
    job: Job
    order: dict[str, Any]
    watch: Watch


def serve(invocation: str, seconds: float) -> bool:
    """Do the next file job there is; whether there was one.

    Args:
        invocation: names this run; no two may have the same.
        seconds: that are left to it.
    """
    until = time.monotonic() + seconds - RESERVED_SECONDS
    agent = Stage(invocation)
    claim = claims.claim(agent, [queues.FILES])
    if claim is None:
        return False
    start_trace(claim.job.trace_parent)
    holder = Holder(agent, claim.job.attempt)
    _see_through(Work(holder, claim.job, claim.payload, Watch(holder, claim.job.job_id, until=until)))
    return True


def _see_through(work: Work) -> None:
    """Do the work and say how it ended; where the job is another's meanwhile, leave nothing of it.

    Where the store or the database fails there is no last word: the lease runs out, and the job is done again.
    """
    try:
        _do(work)
    except (Conflict, InvalidStateTransition) as lost:
        logger.warning("stage.lost", job_id=work.job.job_id, code=lost.code)
        leftovers.discard_output(work.job.job_id, work.job.attempt)


def _do(work: Work) -> None:
    """Every way in which the work can end, each with its last word."""
    try:
        _end(work, State.COMPLETED, _result(work))
    except Cancelled:
        _end(work, State.CANCELLED, None)
    except (NeedsMore, OutOfTime) as error:
        _hand_over(work, error)
    except (TabularError, InputChanged, UploadIncomplete) as error:
        _end(work, State.FAILED, {"error": str(error)})
    except (Conflict, InvalidStateTransition, StorageFailed):
        raise
    except Exception:
        logger.exception("stage.crashed", job_id=work.job.job_id)
        _end(work, State.FAILED, {"error": "The file could not be processed because of an internal error."})
        raise


def _result(work: Work) -> dict[str, Any]:
    """Download, process, upload; what is told of it."""
    started = holding.report(work.holder, work.job.job_id, State.RUNNING, {"phase": "downloading", "percent": 0})
    if started.cancel_requested:
        raise Cancelled
    plan = Plan(
        file_name=work.order["file_name"],
        steps=_steps.validate_python(work.order["processing_steps"]),
        options=Options.model_validate(work.order["options"]),
    )
    with TemporaryDirectory(prefix="claimcheck-") as folder:
        source, scratch = Path(folder, "input"), Path(folder, "scratch")
        scratch.mkdir()
        _fetch(work, source)
        output = process(source, scratch, plan, _limits(scratch), lambda done: work.watch("processing", done, 1))
        return {"output": _deliver(work, output), "report": output.report}


def _fetch(work: Work, source: Path) -> None:
    size = work.job.input_size or 0
    free = shutil.disk_usage(source.parent).free
    if size > free:
        raise NotEnoughSpace(f"The file is {size} bytes, and there is space for {free}.")
    transfers.fetch(work.job, source, lambda done: work.watch("downloading", done, size))


def _limits(place: Path) -> Limits:
    return Limits(
        memory_bytes=settings().file_memory_bytes,
        temp_bytes=shutil.disk_usage(place).free,
        expanded_bytes=settings().file_expanded_max_bytes,
        threads=THREADS,
    )


def _deliver(work: Work, output: Output) -> dict[str, Any]:
    name = output_name(work.order["file_name"], output.suffix)
    key = keys.output_folder(work.job.job_id, work.job.attempt) + keys.safe_name(name)
    size = output.path.stat().st_size
    transfers.deliver(output.path, key, output.content_type, lambda done: work.watch("uploading", done, size))
    return {"object_key": key, "file_name": name, "size": size}


def _end(work: Work, state: State, told: dict[str, Any] | None) -> None:
    """The last word; a job that is being cancelled has another."""
    try:
        holding.report(work.holder, work.job.job_id, state, told)
    except InvalidStateTransition:
        holding.report(work.holder, work.job.job_id, State.CANCELLED, None)


def _hand_over(work: Work, why: Exception) -> None:
    """Let a bigger machine do it, where there is one."""
    logger.info("stage.handed_over", job_id=work.job.job_id, reason=repr(why))
    if jobs.large_ones_are_served():
        holding.release(work.holder, work.job.job_id, queue=queues.LARGE_FILES)
        return
    too_long = "The file could not be processed within the time that there is for it."
    _end(work, State.FAILED, {"error": str(why) or too_long})
