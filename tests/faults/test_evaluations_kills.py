"""Functions are killed at random while they evaluate: the results are those of an evaluation that nobody disturbed."""

from collections import Counter
from collections.abc import Iterator

import pytest

from local.cloud import LocalCloud
from local.openai_server import OpenAIServer, serving
from tests.faults.evaluation_chance import Chance
from tests.faults.evaluation_story import EvaluationStory
from tests.faults.faults import Injector
from tests.faults.story import ok_
from tests.support.api import Api, Caller, ok
from tests.support.evaluations import csv_of

ROWS, BATCH, SEGMENT = 1000, 125, 70
ASKED_ROWS, ASKED_BATCH, ASKED_SEGMENT = 128, 32, 16
SEEDS = (1, 2)
KEY = "sk-under-test-0123456789"


def _begun(story: EvaluationStory, rows: int, segment: int) -> EvaluationStory:
    story.content = csv_of(rows)
    for constant in ("SEGMENT_ROWS", "ASKED_ROWS"):
        story.patches.setattr(f"chalicelib.evaluations.rows.{constant}", segment)
    for step in (EvaluationStory.upload, EvaluationStory.create):
        ok_(step(story))
    return story


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, tuple[bytes, ...]]:
    """The results of evaluations that nobody disturbed."""
    return {}


@pytest.mark.parametrize("seed", SEEDS)
def test_thousand_rows_come_out_the_same_however_often_functions_are_killed(
    quiet: LocalCloud, user: Caller, injector: Injector, undisturbed: dict[str, tuple[bytes, ...]], seed: int
) -> None:
    if not undisturbed:
        with EvaluationStory.told(quiet, user, batch_rows=BATCH) as story:
            _begun(story, ROWS, SEGMENT).finish()
            story.check_completed()
            assert set(story.scored.values()) == {1}
            undisturbed["scored"] = story.results()
    with EvaluationStory.told(quiet, user, batch_rows=BATCH) as story:
        chance = Chance(_begun(story, ROWS, SEGMENT), injector, seed=seed, segment=SEGMENT)
        chance.run()
        story.check_completed()
        assert story.results() == undisturbed["scored"]
    assert chance.kills > 0
    _only_interrupted_again(story.scored, chance)


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    """An agent under test, whose answers are its questions."""
    with serving() as server:
        yield server


@pytest.mark.parametrize("seed", [1])
def test_agent_is_not_asked_again_for_what_is_kept(
    quiet: LocalCloud, api: Api, user: Caller, injector: Injector, model: OpenAIServer, seed: int
) -> None:
    found = []
    for disturbed in (False, True):
        model.asked.clear()
        with EvaluationStory.told(quiet, user, batch_rows=ASKED_BATCH) as story:
            told = {"name": "Echo", "url": model.url, "model": "echo", "api_key": KEY}
            ok(api.admin().put("/api/admin/evaluation-agents/echo", told))
            story.configuration = {"agent_configuration": {"selected_agent_id": "echo"}}
            chance = Chance(_begun(story, ASKED_ROWS, ASKED_SEGMENT), injector, seed=seed, segment=ASKED_SEGMENT)
            if disturbed:
                chance.run()
            else:
                story.finish()
            story.check_completed()
            found.append(story.results())
    assert found[0] == found[1]
    assert chance.kills > 0
    _only_interrupted_again(_asked(model), chance)


def _asked(model: OpenAIServer) -> Counter[int]:
    """How often each row was asked, by its number; the prompts are "question 0" and so on."""
    return Counter(int(one.body["messages"][-1]["content"].removeprefix("question ")) + 1 for one in model.asked)


def _only_interrupted_again(done: Counter[int], chance: Chance) -> None:
    assert {row: times for row, times in done.items() if times > 1 + chance.interrupted[row]} == {}
    assert any(times > 1 for times in done.values()), "nothing was interrupted"
