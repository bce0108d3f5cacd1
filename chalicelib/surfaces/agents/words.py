"""The agents contract's words for the states of a job."""

from chalicelib.jobs.model import State

PENDING = "pending"


def state_word(state: State) -> str:
    """The contract's word; only a waiting job is called otherwise than in the core."""
    return PENDING if state is State.READY else str(state)


def state_of(word: str) -> State:
    """The state that a word stands for."""
    return State.READY if word == PENDING else State(word)


WORDS = tuple(state_word(state) for state in State)
