"""The agent's own handler for batches of an evaluation that wait for semantic scores."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from claimcheck_agent.environment import inherited
from claimcheck_agent.handlers import Handlers
from claimcheck_agent.inputs import InputHandler
from claimcheck_agent.model_folder import ModelError, ModelFolder
from claimcheck_agent.own import must_have
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

    failure: ClassVar[str] = "The texts could not be scored"

    @classmethod
    def using(cls, model: Path, *, threads: int) -> Self:
        """Make the handler for the model in this folder, which may use so many threads."""
        return cls(argv=(*PROGRAM, "score", str(model.absolute()), str(threads)))


def add_semantic_handler(
    handlers: Handlers, queues: Sequence[str], model: Path | None, *, threads: int, passed: Iterable[str]
) -> Handlers:
    """Have semantic scores given by our own handler, if their queue is served and nobody else does it.

    Raises:
        ValueError: there is no model, or it cannot be used, or what it needs is not installed.
    """
    if QUEUE not in queues or handlers.find(TYPE):
        return handlers
    must_have(NEEDED, "semantic scores", INSTALL)
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
