"""The flows of file jobs as data: the steps of a story, which of them is disturbed, and how it is taken up again."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.faults.faults import MODES
from tests.faults.file_story import Answer, FileStory

S = FileStory
Step = Callable[[FileStory], Answer]

KILLED = "killed-after"
"""The function dies once a write has taken effect; dying before the next one is the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFlow:
    """A story whose ``step`` is disturbed at each of its AWS calls; ``calls`` is the least number of those.

    ``again`` is what an honest client does after the step was disturbed, before AWS delivers all there is; where it is
    None, nobody does anything. A variant of another flow is disturbed ``since`` its own calls begin, after those that
    both have, and ``only`` at the calls of a service.
    """

    name: str
    before: tuple[Step, ...] = ()
    step: Step
    again: Step | None = None
    after: tuple[Step, ...] = ()
    calls: int
    end: Callable[[FileStory], None] = S.check_completed
    modes: tuple[str, ...] = tuple(MODES)
    since: int = 0
    only: str | None = None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


UPLOADED = (S.create, S.ask_for_url, S.put)
MARKED = (*UPLOADED, S.mark)
WOKEN = (*MARKED, S.record)
DONE = (*WOKEN, S.stage, S.record)

_stage = FileFlow(name="stage", before=(S.with_looks, *WOKEN), step=S.stage, calls=10, modes=(*MODES, KILLED))
_cancel = FileFlow(
    name="cancel while it waits for its upload",
    before=(S.create,),
    step=S.cancel,
    again=S.cancel_again,
    calls=2,
    end=S.check_cancelled,
)

FLOWS = (
    FileFlow(name="create", step=S.create, again=S.create, after=(S.ask_for_url, S.put, S.mark), calls=2),
    FileFlow(
        name="upload url", before=(S.create,), step=S.ask_for_url, again=S.ask_for_url, after=(S.put, S.mark), calls=3
    ),
    FileFlow(name="mark", before=UPLOADED, step=S.mark, again=S.mark, calls=4),
    FileFlow(name="wake", before=MARKED, step=S.record, calls=2),
    FileFlow(name="arrival", before=UPLOADED, step=S.arrive, calls=4, modes=(*MODES, KILLED)),
    FileFlow(name="mark after arrival", before=(*UPLOADED, S.arrive), step=S.mark, again=S.mark, calls=2),
    FileFlow(
        name="arrival after cancel",
        before=(*UPLOADED, S.cancel),
        step=S.arrive,
        calls=2,
        end=S.check_cancelled,
        modes=(*MODES, KILLED),
    ),
    _stage,
    replace(
        _stage,
        name="stage in parts",
        before=(S.with_parts, *WOKEN),
        calls=4,
        since=5,
        only="s3",
        end=S.check_completed_in_parts,
    ),
    replace(
        _stage, name="stage with a bad file", before=(S.with_bad_file, *WOKEN), since=5, calls=2, end=S.check_failed
    ),
    replace(
        _stage,
        name="stage that is cancelled",
        before=(S.with_cancel_while_processing, *WOKEN),
        since=5,
        calls=5,
        end=S.check_ended,
        modes=tuple(MODES),
    ),
    replace(_stage, name="hand over", before=(S.with_little_time, *WOKEN), since=5, calls=2),
    FileFlow(name="record", before=(*WOKEN, S.stage), step=S.record, calls=1),
    FileFlow(
        name="discard",
        before=(*WOKEN, S.stage_killed_at_its_last_word, S.end_lease, S.sweep),
        step=S.record,
        calls=5,
    ),
    _cancel,
    replace(_cancel, name="cancel while it waits for a stage", before=WOKEN),
    replace(_cancel, name="cancel while it is processed", before=(*WOKEN, S.stage_killed_at_its_last_word)),
    FileFlow(name="download url", before=DONE, step=S.ask_for_output, again=S.ask_for_output, calls=3),
)
