"""The stage of file jobs: claims the next one as any agent does, and sees it through to its end."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import TypeAdapter

from chalicelib import queues
from chalicelib.engines.tabular.errors import NeedsMore, NotEnoughSpace, TabularError
from chalicelib.engines.tabular.naming import output_name
from chalicelib.engines.tabular.process import Limits, Output, Plan, process
from chalicelib.engines.tabular.steps import Options, Step
from chalicelib.jobs import holding, staging
from chalicelib.jobs.model import State
from chalicelib.jobs.staging import Refusal, Work
from chalicelib.jobs.watch import Cancelled, OutOfTime
from chalicelib.objects import keys, leftovers, transfers
from chalicelib.settings import settings
from chalicelib.telemetry import logger

from . import jobs

THREADS = os.cpu_count() or 1

_steps = TypeAdapter(list[Step])


def serve(invocation: str, seconds: float) -> bool:
    """Do the next file job there is; whether there was one.

    Args:
        invocation: names this run; no two may have the same.
        seconds: that are left to it.
    """
    work = staging.next_work(queues.FILES, invocation, seconds)
    if work is None:
        return False
    staging.see_through(work, _do, refusals=(TabularError,), lost=_discard)
    return True


def _discard(work: Work) -> None:
    leftovers.discard_output(work.job.job_id, work.job.attempt)


def _do(work: Work) -> dict[str, Any] | None:
    try:
        return _result(work)
    except (NeedsMore, OutOfTime) as error:
        _hand_over(work, error)
        return None


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


def _hand_over(work: Work, why: Exception) -> None:
    """Let a bigger machine do it, where there is one."""
    logger.info("stage.handed_over", job_id=work.job.job_id, reason=repr(why))
    if not jobs.large_ones_are_served():
        raise Refusal(str(why) or "The file could not be processed within the time that there is for it.")
    holding.release(work.holder, work.job.job_id, queue=queues.LARGE_FILES)
