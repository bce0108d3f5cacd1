"""The agent's own handler for batches of an evaluation that wait for semantic scores."""

import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from claimcheck_agent.environment import inherited
from claimcheck_agent.handlers import Handlers
from claimcheck_agent.inputs import InputHandler
from claimcheck_agent.model_folder import ModelError, ModelFolder
from claimcheck_agent.runner import Ended

TYPE = "evaluation-batch"
QUEUE = "evaluations-semantic"
NEEDED = ("numpy", "onnxruntime", "tokenizers")
INSTALL = 'pip install "claimcheck-agent[semantic]"'
MODEL_VARIABLE = "CLAIMCHECK_SEMANTIC_MODEL"
# -P: a job's directory is not where modules are looked for.
PROGRAM = (sys.executable, "-P", "-m", "claimcheck_agent.semantic")


@dataclass(frozen=True, kw_only=True)
class SemanticHandler(InputHandler):
    """Tells how alike expected and actual answers are in meaning, by a sentence-embedding model."""

    @classmethod
    def using(cls, model: Path, *, threads: int) -> Self:
        """Make the handler for the model in this folder, which may use so many threads."""
        return cls(argv=(*PROGRAM, "score", str(model.absolute()), str(threads)))

    def explain(self, ended: Ended) -> str:
        """Say why the command may have been killed, for somebody who did not choose it."""
        if ended.code == -signal.SIGKILL:
            return "The texts could not be scored: most likely the model needs more memory than this agent has."
        return f"The texts could not be scored because of an internal error: {ended.describe()}."


def add_semantic_handler(
    handlers: Handlers, queues: Sequence[str], model: Path | None, *, threads: int, passed: Iterable[str]
) -> Handlers:
    """Have semantic scores given by our own handler, if their queue is served and nobody else does it.

    Raises:
        ValueError: there is no model, or it cannot be used, or what it needs is not installed.
    """
    if QUEUE not in queues or handlers.find(TYPE):
        return handlers
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ValueError(f"semantic scores need {', '.join(missing)}: {INSTALL}")
    if model is None:
        raise ValueError(f"the queue {QUEUE} needs a model: give --semantic-model or set {MODEL_VARIABLE}")
    check_model(model, threads=threads, passed=passed)
    return handlers.extended(TYPE, SemanticHandler.using(model, threads=threads))


def check_model(model: Path, *, threads: int, passed: Iterable[str]) -> None:
    """Use the model once, in a process that gives back its memory and whose crash is not the agent's.

    Raises:
        ModelError: it cannot be used.
    """
    ModelFolder.read(model)
    argv = (*PROGRAM, "check", str(model.absolute()), str(threads))
    ended = subprocess.run(  # noqa: S603  (our own command)
        argv, env=inherited(passed), stdin=subprocess.DEVNULL, capture_output=True, errors="replace", check=False
    )
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        why = said[-1] if said else Ended(code=ended.returncode, timed_out=False).describe()
        raise ModelError(f"--semantic-model: {why}")
