"""Processes a file as a job's command: `python -m claimcheck_agent.files MEMORY THREADS EXPANDED`.

It runs in a process of its own, which may be killed, or run out of memory, while the agent lives on to tell. It finds
`job.json` and the file `input` in its directory, and leaves the file `output` and `result.json`.
"""

import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

from claimcheck_tabular.errors import NeedsMore, TabularError
from claimcheck_tabular.naming import output_name
from claimcheck_tabular.process import Limits, Plan, process
from claimcheck_tabular.steps import Options, Step
from pydantic import TypeAdapter, ValidationError

from claimcheck_agent.inputs import INPUT
from claimcheck_agent.machine import be_the_first_to_go
from claimcheck_agent.progress import Meter
from claimcheck_agent.task import Task

OUTPUT = Path("output")

_steps = TypeAdapter(list[Step])


def main(memory: str, threads: str, expanded: str) -> int:
    """Process the file within these limits (bytes, threads, bytes); gives the exit code."""
    be_the_first_to_go()
    task = Task.from_environment()
    folder = Path(os.environ["TMPDIR"])
    limits = Limits(
        memory_bytes=int(memory),
        temp_bytes=shutil.disk_usage(folder).free,
        expanded_bytes=int(expanded),
        threads=int(threads),
    )
    problem = None
    try:
        task.keep_result(_process(task, folder, limits))
    except NeedsMore as error:
        problem = f"{error} This is the agent for large files; it would need to be given more."
    except TabularError as error:
        problem = str(error)
    except ValidationError as error:
        problem = f"The agent does not know these processing steps; is it older than the server? {_first(error)}"
    except Exception as error:  # noqa: BLE001  (the trace is for the log, the person gets a sentence)
        traceback.print_exc()
        problem = f"The file could not be processed because of an internal error ({type(error).__name__})."
    if problem:
        task.keep_result({"error": problem})
    return 1 if problem else 0


def _process(task: Task, folder: Path, limits: Limits) -> dict[str, Any]:
    order = task.payload
    plan = Plan(
        file_name=order["file_name"],
        steps=_steps.validate_python(order["processing_steps"]),
        options=Options.model_validate(order.get("options") or {}),
    )
    meter = Meter("processing", lambda progress: task.progress(**progress))
    output = process(Path(INPUT), folder, plan, limits, meter)
    output.path.replace(OUTPUT)
    return {
        "file_name": output_name(plan.file_name, output.suffix),
        "content_type": output.content_type,
        "report": output.report,
    }


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
