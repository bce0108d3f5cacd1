"""Semantic scores: of an embeddings endpoint where one is configured, or of agents that have a model of their own."""

from collections.abc import Callable, Sequence
from enum import StrEnum, auto

from chalicelib.errors import InvalidRequest, SecretNotFound
from chalicelib.inference.embeddings import cosine, embed
from chalicelib.inference.endpoint import Endpoint
from chalicelib.inference.errors import ModelRefused
from chalicelib.secrets import store
from chalicelib.settings import settings

SECRET = "embeddings"  # noqa: S105  the type of a secret
FIELD = "configuration.evaluation_criteria.use_semantic_scoring"


class Scorer(StrEnum):
    """Who gives semantic scores."""

    ENDPOINT = auto()
    AGENTS = auto()


def scorer() -> Scorer:
    """Who gives semantic scores in this deployment.

    Raises:
        InvalidRequest: nobody does.
    """
    if settings().embeddings_url and settings().embeddings_model:
        return Scorer.ENDPOINT
    if settings().evaluation_semantic_agents:
        return Scorer.AGENTS
    message = (
        f"{FIELD}: semantic scoring is not configured here: there is no embeddings endpoint, and no agent serves it"
    )
    raise InvalidRequest(message, field=FIELD)


def endpoint() -> Endpoint:
    """The embeddings endpoint of the settings, with its key where the secrets store has one.

    Raises:
        EncryptionUnavailable: the key cannot be had now.
    """
    try:
        key = store.read(settings().embeddings_project, SECRET)
    except SecretNotFound:
        key = None
    return Endpoint(url=str(settings().embeddings_url), model=str(settings().embeddings_model), key=key)


def similarities(
    at: Endpoint, pairs: Sequence[tuple[str, str]], *, until: float, check: Callable[[], None]
) -> list[float | str]:
    """How alike the texts of each pair are in meaning, 0 to 1; or why the endpoint refuses a pair.

    Raises:
        ModelUnavailable: the endpoint does not answer.
        ModelRefused: it refuses all of them.
    """
    # Endpoints refuse an empty text: it means the same as another empty one, and nothing that a text means.
    told = {place: pair for place, pair in enumerate(pairs) if all(pair)}
    found = dict(zip(told, _similarities(at, list(told.values()), until, check), strict=True))
    return [found[place] if place in found else float(one == other) for place, (one, other) in enumerate(pairs)]


def _similarities(
    at: Endpoint, pairs: Sequence[tuple[str, str]], until: float, check: Callable[[], None]
) -> list[float | str]:
    texts = [text for pair in pairs for text in pair]
    try:
        vectors = embed(at, texts, until=until, check=check) if texts else []
    except ModelRefused:
        if len(pairs) == 1:
            raise
        found = [_alone(at, pair, until, check) for pair in pairs]
        if all(isinstance(one, str) for one in found):
            raise
        return found
    return [cosine(vectors[2 * number], vectors[2 * number + 1]) for number in range(len(pairs))]


def _alone(at: Endpoint, pair: tuple[str, str], until: float, check: Callable[[], None]) -> float | str:
    try:
        return cosine(*embed(at, pair, until=until, check=check))
    except ModelRefused as error:
        return str(error)
