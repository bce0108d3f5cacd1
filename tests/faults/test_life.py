"""A job's life: whatever agents, users, the clock and crashes do, in any order, the store is as the model says.

Examples are the same in every run, so that a build does not fail by luck. ``HYPOTHESIS_PROFILE=search`` looks for
new ones, many more of them.
"""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from local.cloud import LocalCloud
from tests.faults import evidence
from tests.faults.faults import Injector
from tests.faults.life import Bystander, Member, Place
from tests.faults.operations import Operations
from tests.support.api import Api

# Nothing is shrunk: what a step does depends on all steps before it. The operations' names are in the report.
_common = settings(
    phases=[Phase.generate],
    deadline=None,
    database=None,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("steady", _common, max_examples=20, derandomize=True)
settings.register_profile("search", _common, max_examples=300, print_blob=True)
SEEN = {
    *("claim of attempt 1", "claim of attempt 2", "claim repeated", "claim: UNAUTHORIZED"),
    *("redeem: ok", "redeem: INVALID_TOKEN", "mint: ok", "mint: CLAIM_LOST", "mint: JOB_ALREADY_CLAIMED"),
    *("renew: ok", "renew: CLAIM_LOST", "release: ok", "release: CLAIM_LOST", "cancel: ok", "retry: ok"),
    *("report running: ok", "report running: JOB_ALREADY_CLAIMED", "report running: CLAIM_LOST"),
    *("report completed: ok", "report completed: INVALID_STATE_TRANSITION", "report failed: ok"),
    *("append None: ok", "append end: ok", "append gap: LOG_SEGMENT_MISMATCH", "append end: CLAIM_LOST"),
}
"""What must have come about in all examples together, or they are no life."""

SEEDS = st.integers(0, 2**32 - 1)


class Life(RuleBasedStateMachine):
    """One rule with many operations, each step a seed.

    A machine of many rules leaves most of them out of each example, and jobs that nobody claims have no life.
    """

    def __init__(self, real: Bystander, seen: Counter[str]) -> None:
        super().__init__()
        self.real = real
        self.operations = Operations(real, seen)

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        self.seeds = [seed]
        self.operations.random.seed(seed)
        self.operations.create()
        self.operations.create()
        self.operations.claim_and_start()

    @rule(seed=SEEDS)
    def step(self, seed: int) -> None:
        self.seeds.append(seed)
        # Hypothesis likes to draw the same again; the same seed at another place, after others, is another step.
        self.operations.random.seed(str(self.seeds))
        self.operations.any()

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        self.real.compare()

    def teardown(self) -> None:
        self.real.end()


def test_a_job_lives_as_the_model_says(quiet: LocalCloud, api: Api, injector: Injector) -> None:
    place = Place(cloud=quiet, api=api, injector=injector, member=Member(api))
    began = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)

    class Here(Life):
        def __init__(self) -> None:
            super().__init__(Bystander(place, began), place.seen)

    profile = os.environ.get("HYPOTHESIS_PROFILE", "steady")
    run_state_machine_as_test(Here, settings=settings.get_profile(profile))
    assert len(place.canaries) > 50
    assert evidence.leaks(place.canaries) == []
    assert place.seen.keys() >= SEEN, SEEN - place.seen.keys()
