"""Many rows at once: their order, how many at once, what one bad row does, and the budget of tokens."""

import threading
from collections.abc import Iterator

import pytest

from chalicelib.inference.chat import answer
from chalicelib.inference.endpoint import Endpoint
from chalicelib.inference.errors import ModelRefused
from chalicelib.inference.pool import Budget, BudgetExhausted, map_rows
from local.openai_server import OpenAIServer, completion, refusal
from tests.inference.conftest import Patience


def test_results_come_in_order_whichever_is_done_first() -> None:
    gates = [threading.Event() for _ in range(4)]

    def work(number: int) -> int:
        # The last opens the way for the one before it, and so on.
        if number + 1 < len(gates):
            assert gates[number + 1].wait(20)
        gates[number].set()
        return number * 10

    assert list(map_rows(work, range(4), 4)) == [0, 10, 20, 30]


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_no_more_are_at_work_than_allowed(concurrency: int) -> None:
    lock, together, most = threading.Lock(), threading.Barrier(concurrency), [0, 0]

    def work(number: int) -> int:
        with lock:
            most[0] += 1
            most[1] = max(most)
        together.wait(20)
        with lock:
            most[0] -= 1
        return number

    assert list(map_rows(work, range(concurrency * 4), concurrency)) == list(range(concurrency * 4))
    assert most == [0, concurrency]


def test_items_are_taken_as_there_is_room() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = map_rows(lambda number: number, items(), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 3 + 2 * 2
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 3 + 2 * 2


def test_what_is_raised_is_raised_in_its_place_and_ends_it() -> None:
    done: list[int] = []

    def work(number: int) -> int:
        if number == 3:
            raise ValueError(number)
        done.append(number)
        return number

    results = map_rows(work, range(1000), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)
    assert len(done) < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("inference")]


def test_one_bad_row_keeps_nobody_else_from_an_answer(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    server.says = lambda messages: str(messages[0]["content"]).upper()
    server.instead.append(refusal(400, "bad row"))

    def work(number: int) -> str:
        try:
            return answer(endpoint, prompt=f"row {number}", **patience.how).text
        except ModelRefused as error:
            return error.message

    found = list(map_rows(work, range(40), 8))
    refused = [text for text in found if text == "the model's endpoint refused: status 400: bad row"]
    assert len(refused) == 1
    assert [text for text in found if text not in refused] == [
        f"ROW {number}" for number in range(40) if found[number] not in refused
    ]


def test_budget_is_spent_and_nothing_is_asked_after_it(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    budget = Budget(40)
    server.instead.extend([completion("x", prompt_tokens=10, completion_tokens=5)] * 10)

    def work(number: int) -> str:
        assert number >= 0
        try:
            return answer(endpoint, prompt="?", budget=budget, **patience.how).text
        except BudgetExhausted as error:
            return error.message

    # 15 tokens each: after the third, 45 of 40 are spent.
    assert list(map_rows(work, range(5), 1)) == ["x"] * 3 + ["the budget of 40 tokens is used up"] * 2
    assert (budget.spent, len(server.asked)) == (45, 3)


def test_budget_goes_beyond_by_those_under_way_at_most(
    server: OpenAIServer, endpoint: Endpoint, patience: Patience
) -> None:
    budget = Budget(1)
    server.instead.extend([completion("x", prompt_tokens=10, completion_tokens=5)] * 100)

    def work(number: int) -> bool:
        assert number >= 0
        try:
            return bool(answer(endpoint, prompt="?", budget=budget, **patience.how).text)
        except BudgetExhausted:
            return False

    answered = sum(map_rows(work, range(50), 4))
    assert 1 <= answered <= 4
    assert budget.spent == 15 * answered


def test_budget_without_an_end_only_counts() -> None:
    budget = Budget(None)
    list(map_rows(budget.spend, [1] * 1000, 8))
    budget.check()
    assert budget.spent == 1000


def test_budget_of_nothing_allows_nothing(server: OpenAIServer, endpoint: Endpoint, patience: Patience) -> None:
    with pytest.raises(BudgetExhausted):
        answer(endpoint, prompt="?", budget=Budget(0), **patience.how)
    assert server.asked == []
