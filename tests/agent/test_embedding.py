"""Vectors of sentences by a real model, small enough to compare with what is worked out by hand."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from claimcheck_agent.model_folder import ModelError, ModelFolder

if TYPE_CHECKING:
    from claimcheck_agent.embedding import Embedder

Make = Callable[..., "Embedder"]
HALF = round(math.sqrt(0.5), 6)
SENTENCE = "float[n, l, 3] token_embeddings, float[n, 3] sentence_embedding"


def ignore(_: int, __: int) -> None:
    """Where the progress is not what a test is about."""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Give a function that makes a folder and loads its model."""
    from claimcheck_agent.embedding import Embedder

    from tests.agent.tiny_model import make_folder

    return lambda **fields: Embedder(ModelFolder.read(make_folder(tmp_path / "model", **fields)), threads=1)


def tokenizer(**config: int) -> Any:
    from tests.agent.tiny_model import make_tokenizer

    return make_tokenizer(**config)


class TestSimilarities:
    @pytest.mark.parametrize(
        ("expected", "actual", "similarity"),
        [
            ("red", "red", 1.0),
            ("red", "green", 0.0),
            ("red", "dark", HALF),
            ("red", "never", 0.0),  # The cosine is -1.
            ("red green", "green red", 1.0),
            ("red red red green", "red", round(3 / math.sqrt(10), 6)),
            ("żółć", "赤", 0.6),
            ("red\u2028green", "dark", 1.0),
            ("red \U0001f600", "red", HALF),  # A word that is not known is one too.
            ("", "", 1.0),
            ("", "red", 0.0),
            ("red", "", 0.0),
            ("nothing", "red", 0.0),
            ("nothing", "nothing", 1.0),
            (" ", "red", 0.0),
            (" ", "\t", 0.0),
        ],
    )
    def test_pair_is_compared(self, make: Make, expected: str, actual: str, similarity: float) -> None:
        assert make().similarities([(expected, actual)], ignore) == [similarity]

    def test_nothing_to_compare(self, make: Make) -> None:
        assert make().similarities([], ignore) == []

    def test_padding_does_not_count(self, make: Make) -> None:
        pairs = [("red", "dark"), ("green " * 40, "red " * 39 + "green"), ("dark red", "green")]
        together = make().similarities(pairs, ignore)
        assert together == [HALF, round(1 / math.sqrt(39**2 + 1), 6), round(1 / math.sqrt(5), 6)]

    def test_order_is_that_of_the_pairs(self, make: Make) -> None:
        pairs = [("red " * (1 + number % 7) + "green", "red") for number in range(200)]
        expected = [round(n / math.sqrt(n * n + 1), 6) for n in (1 + number % 7 for number in range(200))]
        assert make().similarities(pairs, ignore) == expected

    def test_progress_is_told_after_each_batch_of_texts_that_differ(self, make: Make) -> None:
        told: list[tuple[int, int]] = []
        pairs = [("red " * number, "green") for number in range(1, 70)]
        make().similarities(pairs + pairs, lambda done, total: told.append((done, total)))
        assert told == [(32, 70), (64, 70), (70, 70)]

    def test_long_texts_share_a_run_with_few(self, make: Make) -> None:
        # More tokens than are given to the model at once: 32 texts of 4000.
        words = [("red " * (4000 - number) + "green " * number, "red") for number in range(32)]
        embedder = make(sentence_bert_config={"max_seq_length": 4000})
        assert embedder.similarities(words, ignore) == [
            round((4000 - n) / math.sqrt((4000 - n) ** 2 + n * n), 6) for n in range(32)
        ]

    @pytest.mark.parametrize(
        ("word", "told"), [("broken", "fails at 2 texts of 1 tokens"), ("odd", "other than numbers")]
    )
    def test_text_at_which_the_model_fails(self, make: Make, word: str, told: str) -> None:
        with pytest.raises(ModelError, match=told):
            make().similarities([(word, "red")], ignore)


class TestLength:
    """Texts end where the model does. What follows the second word is not seen, or else makes a difference."""

    PAIR = ("red red green", "red")

    @pytest.mark.parametrize(
        "fields",
        [
            {"sentence_bert_config": {"max_seq_length": 2}, "tokenizer_config": {"model_max_length": 512}},
            {"sentence_bert_config": {}, "tokenizer_config": {"model_max_length": 2}},
            {"tokenizer_config": {"model_max_length": 512}, "config": {"max_position_embeddings": 2}},
            {"config": {"max_position_embeddings": 2}},
        ],
    )
    def test_limit_is_that_of_the_folder(self, make: Make, fields: dict[str, Any]) -> None:
        embedder = make(**fields)
        assert embedder.longest == 2
        assert embedder.similarities([self.PAIR], ignore) == [1.0]

    def test_limit_of_the_tokenizer_counts_where_the_folder_has_none(self, make: Make) -> None:
        embedder = make(tokenizer=tokenizer(truncated=2), tokenizer_config={"model_max_length": 10**30})
        assert embedder.longest == 2

    def test_limit_of_the_folder_comes_before_that_of_the_tokenizer(self, make: Make) -> None:
        # As in all-MiniLM-L6-v2, whose tokenizer was saved while it truncated, and padded, at 128.
        embedder = make(tokenizer=tokenizer(truncated=1, padded=9), sentence_bert_config={"max_seq_length": 256})
        assert embedder.longest == 256
        assert embedder.similarities([self.PAIR], ignore) == [round(2 / math.sqrt(5), 6)]

    def test_limit_is_512_where_none_is_known(self, make: Make) -> None:
        assert make().longest == 512


class TestSignature:
    @pytest.mark.parametrize(
        "inputs",
        [
            ["int64[n, l] input_ids"],
            ["int64[n, l] input_ids", "int64[n, l] attention_mask"],
            ["int32[n, l] attention_mask", "int32[n, l] token_type_ids", "int32[n, l] input_ids"],
        ],
    )
    def test_model_gets_what_it_asks_for(self, make: Make, inputs: list[str]) -> None:
        assert make(inputs=inputs).similarities([("red", "dark green")], ignore) == [round(1 / math.sqrt(5), 6)]

    @pytest.mark.parametrize(
        ("more", "told"),
        [("int64[n, l] position_ids", "position_ids tensor.int64"), ("float[n, l] attention_mask", "tensor.float")],
    )
    def test_other_inputs_are_refused(self, make: Make, more: str, told: str) -> None:
        with pytest.raises(ModelError, match=told):
            make(inputs=["int64[n, l] input_ids", more])

    def test_vector_of_the_sentence_is_taken_where_there_is_one(self, make: Make) -> None:
        embedder = make(outputs=SENTENCE, modules=[{"type": "sentence_transformers.models.Dense"}])
        assert embedder.similarities([("red green", "dark green")], ignore) == [HALF]

    def test_other_outputs_are_refused(self, make: Make) -> None:
        with pytest.raises(ModelError, match="gives logits; known are sentence_embedding"):
            make(outputs="float[n, l, 3] logits")


class TestPooling:
    PAIR = ("red green green", "red")
    MEAN = round(1 / math.sqrt(5), 6)

    @pytest.mark.parametrize(
        ("pooling", "similarity"),
        [
            ({"pooling_mode": "mean", "include_prompt": True}, MEAN),
            ({"pooling_mode": "cls"}, 1.0),
            ({"pooling_mode": ["cls"]}, 1.0),
            ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "include_prompt": True}, MEAN),
            ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, 1.0),
            ({}, MEAN),
        ],
    )
    def test_pooling_is_that_of_the_folder(self, make: Make, pooling: dict[str, Any], similarity: float) -> None:
        assert make(pooling=pooling).similarities([self.PAIR], ignore) == [similarity]

    @pytest.mark.parametrize(
        ("pooling", "named"),
        [
            ({"pooling_mode": "lasttoken"}, "lasttoken"),
            ({"pooling_mode_max_tokens": True}, "max"),
            ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "cls, mean"),
        ],
    )
    def test_other_pooling_is_refused(self, make: Make, pooling: dict[str, Any], named: str) -> None:
        with pytest.raises(ModelError, match=f"the pooling {named} is not known"):
            make(pooling=pooling)

    def test_modules_that_follow_are_refused(self, make: Make) -> None:
        kinds = ("models.Transformer", "models.Pooling", "models.Dense", "models.Normalize")
        with pytest.raises(ModelError, match="ends before the model's modules Dense;"):
            make(modules=[{"type": f"sentence_transformers.{kind}"} for kind in kinds])


class TestFolder:
    @pytest.mark.parametrize("name", ["model.onnx", "onnx/model.onnx"])
    def test_model_lies_where_its_exporter_puts_it(self, make: Make, name: str) -> None:
        assert make(name=name).similarities([("red", "dark")], ignore) == [HALF]

    @pytest.mark.parametrize("name", ["tokenizer.json", "model.onnx"])
    def test_damaged_file_is_named(self, make: Make, tmp_path: Path, name: str) -> None:
        from claimcheck_agent.embedding import Embedder

        make()
        (tmp_path / "model" / name).write_text("{")
        with pytest.raises(ModelError, match=name):
            Embedder(ModelFolder.read(tmp_path / "model"), threads=1)

    @pytest.mark.parametrize(
        ("label", "content"),
        [("modules", "{}"), ("modules", "[1]"), ("config", "[]"), ("tokenizer_config", "{"), ("pooling", "true")],
    )
    def test_damaged_description_is_named(self, make: Make, label: str, content: str) -> None:
        with pytest.raises(ModelError, match="config.json" if label == "pooling" else f"{label}.json"):
            make(**{label: content})
