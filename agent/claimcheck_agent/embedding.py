"""Turns sentences into vectors with an ONNX model, and tells how alike two of them are.

This module alone imports the packages of the extra `semantic`, so only the process of a job pays for them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from claimcheck_agent.model_folder import ModelError, ModelFolder

BATCH = 32  # Texts.
LONGEST = 512  # Tokens of a text, for a model that names no limit: that of BERT.
TOKENS = 32 * 512  # In one run of the model, padding included: its memory grows with them.
SENTENCE = "sentence_embedding"
TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")
INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
INTEGERS: Mapping[str, Any] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
PADS = ("[PAD]", "<pad>")

Vectors = NDArray[np.float64]
Watch = Callable[[int, int], None]
"""Told of the texts that are done, of so many."""


class Embedder:
    """A model that is ready for use. Texts are truncated at `longest` tokens."""

    def __init__(self, folder: ModelFolder, *, threads: int) -> None:
        """Load the model.

        Raises:
            ModelError: it cannot be loaded, or asks for other inputs or gives other outputs than are known here.
        """
        self._tokenizer = _load_tokenizer(folder)
        self.longest = _limit(folder, self._tokenizer)
        self._tokenizer.enable_truncation(self.longest)
        self._session = _load_session(folder, threads)
        self._inputs = _known_inputs(folder, self._session)
        self._output, self._pool = _known_output(folder, self._session)

    def similarities(self, pairs: Sequence[tuple[str, str]], watch: Watch) -> list[float]:
        """Say how alike the texts of each pair are: the cosine of their vectors from 0 to 1, in millionths.

        Two empty texts are wholly alike; an empty one is like no other.

        Raises:
            ModelError: the model fails at a text.
        """
        texts = list(dict.fromkeys(text for pair in pairs if _takes_a_model(*pair) for text in pair))
        vectors = dict(zip(texts, self.embed(texts, watch), strict=True))
        return [_similarity(vectors, *pair) for pair in pairs]

    def embed(self, texts: Sequence[str], watch: Watch = lambda _, __: None) -> Vectors:
        """Give a row for each text: its vector, of length 1, or 0 if the tokenizer leaves nothing of it.

        Raises:
            ModelError: the model fails at a text.
        """
        # Texts of like length together, so that little is padded; the longest first: if memory is short, that shows.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]), reverse=True)
        found: list[Vectors] = []
        for first in range(0, len(order), BATCH):
            encoded = self._tokenizer.encode_batch_fast([texts[place] for place in order[first : first + BATCH]])
            found.extend(self._vectors(part) for part in _parts(encoded))
            watch(min(first + BATCH, len(order)), len(order))
        rows = np.concatenate(found) if found else np.zeros((0, 0))
        vectors = np.empty_like(rows)
        vectors[order] = rows
        return vectors

    def _vectors(self, encoded: Sequence[Encoding]) -> Vectors:
        ids, mask, types = (
            np.array([getattr(one, name) for one in encoded], dtype=np.int64)
            for name in ("ids", "attention_mask", "type_ids")
        )
        if not ids.size:  # No model takes texts without tokens; a padding is one that does not count.
            ids, mask, types = (np.zeros((len(encoded), 1), dtype=np.int64) for _ in range(3))
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        try:
            (output,) = self._session.run(
                [self._output], {name: given[name].astype(kind) for name, kind in self._inputs.items()}
            )
        except Exception as error:  # the library's errors have no common type of their own
            raise ModelError(f"the model fails at {len(encoded)} texts of {ids.shape[1]} tokens: {error}") from error
        vectors = _pooled(output.astype(np.float64), mask, self._pool)
        vectors[~mask.any(axis=1)] = 0.0
        if not np.isfinite(vectors).all():
            raise ModelError("the model gives vectors that hold other than numbers")
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def _pooled(output: Vectors, mask: NDArray[np.int64], pool: str | None) -> Vectors:
    """Make one vector of those of a sentence's tokens; None: the model has done it."""
    if pool is None:
        return output
    if pool == "cls":
        return np.asarray(output[:, 0])
    weights = mask[:, :, None]
    return np.asarray((output * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1))


def _parts(encoded: Sequence[Encoding]) -> Iterator[Sequence[Encoding]]:
    """Divide a batch, all padded to the same length, so that none of its parts has too many tokens."""
    size = max(1, TOKENS // max(1, len(encoded[0].ids)))
    for first in range(0, len(encoded), size):
        yield encoded[first : first + size]


def _takes_a_model(one: str, other: str) -> bool:
    return one != other and bool(one and other)


def _similarity(vectors: Mapping[str, Vectors], one: str, other: str) -> float:
    if not _takes_a_model(one, other):
        return float(one == other)
    return round(min(max(0.0, float(vectors[one] @ vectors[other])), 1.0), 6)


def _load_tokenizer(folder: ModelFolder) -> Tokenizer:
    """Load the tokenizer; it pads to the longest text of a batch."""
    try:
        tokenizer = Tokenizer.from_file(str(folder.tokenizer))
    except Exception as error:  # the library raises nothing more special
        raise ModelError(f"{folder.tokenizer} cannot be read: {error}") from error
    known = tokenizer.padding or {}
    pad = known.get("pad_token") or next((name for name in PADS if tokenizer.token_to_id(name) is not None), PADS[0])
    tokenizer.enable_padding(
        pad_id=known.get("pad_id", tokenizer.token_to_id(pad) or 0),
        pad_type_id=known.get("pad_type_id", 0),
        pad_token=pad,
        direction="right",
    )
    return tokenizer


def _limit(folder: ModelFolder, tokenizer: Tokenizer) -> int:
    own = (tokenizer.truncation or {}).get("max_length")
    longest = int(folder.longest or own or folder.positions or LONGEST)
    return min(longest, folder.positions or longest)


def _load_session(folder: ModelFolder, threads: int) -> Any:  # noqa: ANN401  (the library has no types)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # Its errors are raised; with its warnings they would be in the log of the job.
    try:
        return onnxruntime.InferenceSession(str(folder.model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        raise ModelError(f"{folder.model} cannot be loaded: {error}") from error


def _known_inputs(folder: ModelFolder, session: Any) -> dict[str, Any]:  # noqa: ANN401  (as above)
    inputs = {one.name: one.type for one in session.get_inputs()}
    if "input_ids" not in inputs or inputs.keys() - INPUTS or not INTEGERS.keys() >= set(inputs.values()):
        asked = ", ".join(f"{name} {kind}" for name, kind in inputs.items())
        raise ModelError(f"{folder.model} asks for {asked}; known are whole numbers as {', '.join(sorted(INPUTS))}")
    return {name: INTEGERS[kind] for name, kind in inputs.items()}


def _known_output(folder: ModelFolder, session: Any) -> tuple[str, str | None]:  # noqa: ANN401  (as above)
    """Choose the output, and how it is pooled: what the model calls a sentence's vector needs no pooling."""
    names = [one.name for one in session.get_outputs()]
    if SENTENCE in names:
        return SENTENCE, None
    for name in TOKEN_OUTPUTS:
        if name in names:
            return name, folder.pool()
    known = ", ".join((SENTENCE, *TOKEN_OUTPUTS))
    raise ModelError(f"{folder.model} gives {', '.join(names)}; known are {known}")
