"""The stage of evaluations: claims the next evaluation or batch as any agent does, and sees it through."""

from chalicelib import queues
from chalicelib.engines.evaluation.errors import DataSetError
from chalicelib.engines.tabular.errors import TabularError
from chalicelib.errors import SecretNotFound
from chalicelib.jobs import staging
from chalicelib.jobs.model import Kind
from chalicelib.jobs.staging import Do, Work

from . import batch, planning


def serve(invocation: str, seconds: float) -> bool:
    """Do the next evaluation or batch there is; whether there was one.

    Args:
        invocation: names this run; no two may have the same.
        seconds: that are left to it.
    """
    work = staging.next_work(queues.EVALUATIONS, invocation, seconds)
    if work is None:
        return False
    # What is spread goes on with a look at its batches, which its change has called for: asked for until it is done.
    do: Do = batch.run if work.job.kind == Kind.BATCH else planning.spread
    staging.see_through(work, do, refusals=(DataSetError, TabularError, SecretNotFound), lost=_leave)
    return True


def _leave(work: Work) -> None:
    """What an attempt has kept is under keys of its own, and ages out."""
