"""What chance does to an evaluation: functions die wherever they are, and messages come twice, late, or not at all."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from tests.faults.evaluation_story import (
    COORDINATOR_LEASE_AND_A_BIT,
    ROUSED_AFTER_AND_A_BIT,
    STAGE_LEASE_AND_A_BIT,
    EvaluationStory,
)
from tests.faults.faults import Injector, die_after, die_before

MOST_TURNS = 600
CALLS = 24
"""A function dies at one of so many of its first calls, sooner rather than later, or at none."""
KILLED, LOST, TWICE = 0.75, 0.1, 0.15
MOST_ATTEMPTS = 7
"""A batch that was unlucky so often is spared: after ten attempts it would be given up."""


class Chance:
    """Drives a story to its end; ``interrupted`` counts, for each row, the times its segment was cut short."""

    def __init__(self, story: EvaluationStory, injector: Injector, *, seed: int, segment: int) -> None:
        self.interrupted: Counter[int] = Counter()
        self.kills = 0
        self._story = story
        self._injector = injector
        self._random = random.Random(seed)  # noqa: S311  not for secrets
        self._segment = segment
        self._seen: set[tuple[str, int]] = set()

    def run(self) -> None:
        """Deliver what there is, one message at a time, until all has ended."""
        story = self._story
        for _ in range(MOST_TURNS):
            story.record()
            if story.messages:
                self._disturb_messages()
                self._deliver_one()
            elif story.ended:
                return
            else:
                self._pass_time()
        message = f"it has not ended: { {job_id: head['state'] for job_id, head in story.heads.items()} }"
        raise AssertionError(message)

    def _disturb_messages(self) -> None:
        messages = self._story.messages
        self._random.shuffle(messages)
        if self._random.random() < LOST:
            messages.pop()
        elif self._random.random() < TWICE:
            self._story.send(json.loads(self._random.choice(messages).body))

    def _deliver_one(self) -> None:
        failures = self._story.cloud.failures
        failures.clear()
        spared = any(head["attempt"] >= MOST_ATTEMPTS for head in self._story.heads.values())
        with nullcontext() if spared else self._dying():
            self._story.deliver(lambda _: True, at_most=1)
        if failures:
            self.kills += 1
            self._note_interrupted()

    @contextmanager
    def _dying(self) -> Iterator[None]:
        """At one of the function's calls, or within its engine."""
        number, row = (
            self._random.randrange(self._random.randrange(1, CALLS)),
            self._random.randrange(1, 2 * self._segment),
        )
        behaviour = self._random.choice((die_before, die_after))
        chance, story = self._random.random(), self._story
        if chance < KILLED / 4:
            scored = sum(story.scored.values())
            story.before_scoring = lambda _: (
                None if sum(story.scored.values()) < scored + row else self._injector.kill()
            )
        elif chance < KILLED / 2:
            story.hooks["evaluating"] = lambda _: self._injector.kill()
        at = number if KILLED / 2 < chance < KILLED else -1
        with self._injector.perhaps(at, self._injector.dying(behaviour)):
            yield
        story.before_scoring = None
        story.hooks.clear()

    def _note_interrupted(self) -> None:
        """The rows of a segment that a dead function was at may have to be done again."""
        for job_id, head in self._story.batches.items():
            attempt = (job_id, head["attempt"])
            if head["state"] not in {"claimed", "running"} or attempt in self._seen:
                continue
            self._seen.add(attempt)
            kept = json.loads(head.get("checkpoint") or "{}").get("segments", ())
            first = self._story.first_row(job_id) + sum(rows for _, _, rows in kept)
            self.interrupted.update(range(first, first + self._segment))

    def _pass_time(self) -> None:
        """Nobody is at work: a lease runs out, or a message was lost, of a job that waits or of one that has ended."""
        batches = self._story.batches.values()
        if any(head["state"] == "running" for head in batches):
            self._story.pass_time(STAGE_LEASE_AND_A_BIT)
        elif batches and all(head["state"] == "completed" for head in batches):
            self._story.pass_time(COORDINATOR_LEASE_AND_A_BIT)
        else:
            self._story.pass_time(ROUSED_AFTER_AND_A_BIT)
