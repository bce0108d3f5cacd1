"""The flows of evaluations as data: the steps of a story, which of them is disturbed, and how it is taken up again."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.evaluation_story import Answer, EvaluationStory

S = EvaluationStory
Step = Callable[[EvaluationStory], Answer]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationFlow:
    """A story whose ``step`` is disturbed at each of its AWS calls; ``calls`` is the least number of those.

    ``again`` is what an honest client does after the step was disturbed, before AWS delivers all there is; where it is
    None, nobody does anything. A variant of another flow is disturbed ``since`` its own calls begin, after those that
    both have. ``anew`` tells it from its beginning for each failure, and not from the step on, because records of
    the stream cannot be brought back.
    """

    name: str
    before: tuple[Step, ...] = ()
    step: Step
    again: Step | None = None
    calls: int
    end: Callable[[EvaluationStory], None] = S.check_completed
    since: int = 0
    anew: bool = False

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


SUBMITTED = (S.upload, S.create, S.record)
SPREAD = (*SUBMITTED, S.stage, S.record)
ONE_DONE = (*SPREAD, S.stage, S.record, S.lose_gathers_but_one)
ALL_DONE = (*SPREAD, S.stages, S.record, S.lose_gathers_but_one)

FLOWS = (
    EvaluationFlow(
        name="submit",
        before=(S.with_one_batch, S.upload),
        step=S.create,
        again=S.create,
        since=3,
        calls=3,
        anew=True,
    ),
    EvaluationFlow(name="spread", before=SUBMITTED, step=S.stage, since=3, calls=10),
    EvaluationFlow(
        name="spread what is bad",
        before=(S.with_bad_content, *SUBMITTED),
        step=S.stage,
        since=5,
        calls=2,
        end=S.check_failed,
    ),
    EvaluationFlow(
        name="spread again",
        before=(S.with_one_batch, *ALL_DONE, S.lose_gathers, S.lose_evaluation),
        step=S.stage,
        calls=5,
    ),
    EvaluationFlow(name="batch", before=(S.with_one_batch, *SPREAD), step=S.stage, calls=11),
    EvaluationFlow(
        name="record of a batch",
        before=(S.with_one_batch, *SPREAD, S.stage),
        step=S.record,
        calls=3,
        anew=True,
    ),
    EvaluationFlow(name="progress", before=ONE_DONE, step=S.gather, calls=4),
    EvaluationFlow(name="gathering", before=ALL_DONE, step=S.gather, calls=11),
    EvaluationFlow(
        name="gathering what failed",
        before=(*SPREAD, S.lose_rows, S.stage, S.record),
        step=S.gather,
        calls=4,
        end=S.check_failed,
    ),
    EvaluationFlow(
        name="cancel", before=(*SPREAD, S.hold_batch), step=S.cancel, again=S.cancel_again, since=1, calls=2,
        end=S.check_cancelled,
    ),
    EvaluationFlow(
        name="gathering what is cancelled",
        before=(*SPREAD, S.hold_batch, S.cancel, S.record),
        step=S.gather,
        calls=5,
        end=S.check_cancelled,
    ),
    EvaluationFlow(
        name="batch of what is cancelled",
        before=(*SPREAD, S.cancel, S.record),
        step=S.stage,
        since=3,
        calls=3,
        end=S.check_cancelled,
    ),
)  # fmt: skip
