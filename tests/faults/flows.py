"""The flows of the house as data: the steps of a story, which of them is disturbed, and how it is taken up again."""

from dataclasses import dataclass, replace
from typing import Self

from tests.faults.faults import MODES
from tests.faults.story import Check, Step, Story

S = Story


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """A story whose ``step`` is disturbed at each of its AWS calls; ``calls`` is the least number of those.

    A variant of another flow names the service whose calls it adds, and is disturbed ``only`` at those.
    """

    name: str
    before: tuple[Step, ...] = ()
    step: Step
    again: Step | None = None
    after: tuple[Step, ...]
    calls: int
    end: Check = Story.check_end
    modes: tuple[str, ...] = tuple(MODES)
    only: str | None = None

    @property
    def repeated(self) -> Step:
        """What an honest client does after the step was disturbed."""
        return self.again or self.step

    def without_keys(self) -> Self:
        """The same by a client that cannot ask again: what the SDK repeats is still done once."""
        before = (S.with_no_keys, *self.before)
        return replace(self, name=f"{self.name} unaided", before=before, again=S.nothing, calls=1, modes=("lost-once",))

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


CLAIMED = (S.create, S.claim)
RUNNING = (*CLAIMED, S.start)
ANOTHER_ATTEMPT = (S.hand_over, S.claim, S.start, S.log_more, S.finish)
CHAT = (S.open_chat, S.write_message)

_create = Flow(name="create", step=S.create, after=(S.claim, S.start, S.finish), calls=3)
_claim = Flow(name="claim", before=(S.create,), step=S.claim, after=(S.start, S.finish), calls=4)
_redeem = Flow(
    name="redeem",
    before=(S.with_secret, *CLAIMED),
    step=S.redeem,
    again=S.redeem_again,
    after=(S.start, S.finish),
    calls=3,
)
_artifact = Flow(
    name="artifact announce",
    before=RUNNING,
    step=S.announce,
    after=(S.put_object, S.confirm, S.finish),
    calls=3,
)
_confirm = Flow(
    name="artifact complete",
    before=(*RUNNING, S.announce, S.put_object),
    step=S.confirm,
    after=(S.finish,),
    calls=4,
)
_log = Flow(name="log append", before=RUNNING, step=S.log, after=(S.log_more, S.finish), calls=2)
_finish = Flow(name="finish", before=(*RUNNING, S.log), step=S.finish, after=(), calls=3)
_stored = (S.with_no_other_secret, S.with_secret)
_use = (*CLAIMED, S.redeem, S.start, S.finish)

FLOWS = (
    *(flow.without_keys() for flow in (_create, _claim, _log, _artifact)),
    _create,
    replace(_create, name="create large", before=(S.with_documents_in_s3,), calls=1, only="s3"),
    _claim,
    replace(_claim, name="claim large", before=(S.with_documents_in_s3, S.create), calls=1, only="s3"),
    _redeem,
    Flow(name="mint", before=CLAIMED, step=S.mint, after=(S.start, S.finish), calls=1),
    Flow(name="renew", before=CLAIMED, step=S.renew, after=(S.start, S.finish), calls=1),
    Flow(name="start", before=CLAIMED, step=S.start, after=(S.finish,), calls=1),
    _log,
    Flow(name="log append more", before=(*RUNNING, S.log), step=S.log_more, after=(S.finish,), calls=3),
    _artifact,
    replace(
        _artifact,
        name="artifact announce in parts",
        before=(S.in_parts, *RUNNING),
        after=(S.put_parts, S.confirm, S.finish),
        calls=1,
        only="s3",
    ),
    _confirm,
    replace(
        _confirm,
        name="artifact complete in parts",
        before=(S.in_parts, *RUNNING, S.announce, S.put_parts),
        calls=2,
        only="s3",
    ),
    _finish,
    replace(_finish, name="finish large", before=(S.with_documents_in_s3, *RUNNING, S.log), calls=1, only="s3"),
    Flow(
        name="expire",
        before=(S.with_attempts, *RUNNING, S.log),
        step=S.expire,
        after=ANOTHER_ATTEMPT,
        calls=6,
    ),
    Flow(
        name="release",
        before=(*RUNNING, S.log),
        step=S.release,
        again=S.release_or_learn,
        after=ANOTHER_ATTEMPT,
        calls=3,
    ),
    Flow(
        name="revoke",
        before=(S.with_own_secret, S.with_attempts, *RUNNING, S.log),
        step=S.revoke,
        after=ANOTHER_ATTEMPT,
        calls=5,
    ),
    Flow(
        name="fail and retry",
        before=(*RUNNING, S.log, S.fail, S.note_failure),
        step=S.retry,
        again=S.retry_unless_ready,
        after=(S.claim, S.start, S.log_more, S.finish),
        calls=3,
    ),
    Flow(
        name="cancel",
        before=RUNNING,
        step=S.cancel,
        after=(S.give_in,),
        calls=3,
        end=S.check_cancelled,
    ),
    Flow(
        name="give in",
        before=(*RUNNING, S.cancel),
        step=S.give_in,
        after=(),
        calls=2,
        end=S.check_cancelled,
    ),
    Flow(name="chat message", before=(S.open_chat,), step=S.write_message, after=(S.claim, S.start, S.finish), calls=6),
    Flow(name="chat reply", before=(*CHAT, S.claim, S.start), step=S.finish, after=(), calls=6),
    Flow(name="secret store", step=S.with_secret, after=_use, calls=3),
    Flow(name="secret rotate", before=_stored, step=S.rotate, after=_use, calls=4),
    Flow(name="secret rewrap", before=_stored, step=S.rewrap, after=_use, calls=4),
)
