"""Scores texts as a job's command: `python -m claimcheck_agent.semantic score|check FOLDER THREADS`.

It runs in a process of its own, as files are processed: it may be killed, or run out of memory, while the agent lives
on to tell. To score, it finds `job.json` and the file `input` in its directory, and leaves `result.json`.
"""

import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claimcheck_agent.embedding import Embedder
from claimcheck_agent.inputs import INPUT
from claimcheck_agent.machine import be_the_first_to_go
from claimcheck_agent.model_folder import ModelError, ModelFolder
from claimcheck_agent.progress import Meter
from claimcheck_agent.task import Task


class BadInput(ValueError):
    """A line of the input is not what it should be; the message is for the job's creator."""


def main(what: str, folder: str, threads: str) -> int:
    """Score the job's input, or check the model; gives the exit code."""
    return (score if what == "score" else check)(Path(folder), int(threads))


def check(folder: Path, threads: int) -> int:
    """Use the model once; what is wrong with it is the last line on standard error."""
    try:
        embedder = Embedder(ModelFolder.read(folder), threads=threads)
        embedder.embed(["a", "a " * embedder.longest])
    except ModelError as error:
        print(" ".join(str(error).split()), file=sys.stderr)  # noqa: T201  (this is the protocol)
        return 1
    return 0


def score(folder: Path, threads: int) -> int:
    """Leave the similarities of all lines, in their order, or what is wrong."""
    be_the_first_to_go()
    task = Task.from_environment()
    problem = None
    try:
        meter = Meter("scoring", lambda progress: task.progress(**progress))
        pairs = list(read_pairs(Path(INPUT)))
        embedder = Embedder(ModelFolder.read(folder), threads=threads)
        task.keep_result({"similarities": embedder.similarities(pairs, meter)})
    except BadInput as error:
        problem = str(error)
    except ModelError as error:
        problem = f"The agent's model could not score the texts: {error}"
    except Exception as error:  # noqa: BLE001  (the trace is for the log, the person gets a sentence)
        traceback.print_exc()
        problem = f"The texts could not be scored because of an internal error ({type(error).__name__})."
    if problem:
        task.keep_result({"error": problem})
    return 1 if problem else 0


def read_pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Read the expected and the actual text of each line of a JSON Lines file.

    Raises:
        BadInput: at the first line that does not have them.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            fields = _object(line, number)
            yield _text(fields, "expected", number), _text(fields, "actual", number)


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise BadInput(f"Line {number} of the input is not JSON.") from error
    if not isinstance(value, dict):
        raise BadInput(f"Line {number} of the input is not a JSON object.")
    return value


def _text(fields: dict[str, Any], name: str, number: int) -> str:
    text = fields.get(name)
    if not isinstance(text, str):
        raise BadInput(f"Line {number} of the input has no text in its field {name}.")
    # Half a surrogate pair, which JSON can hold, cannot be given to a tokenizer.
    return text.encode(errors="replace").decode()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
