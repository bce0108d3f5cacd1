"""A real sentence-embedding model of a few words, whose vectors are known. Imports what takes long: import it late."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
from tokenizers import Tokenizer, models, pre_tokenizers

# A padding or an unknown word that counted would be noticed.
VECTORS: Mapping[str, tuple[float, float, float]] = {
    "[PAD]": (0, 0, 50),
    "[UNK]": (0, 0, 1),
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "dark": (1, 1, 0),
    "never": (-1, 0, 0),
    "żółć": (3, 4, 0),
    "赤": (2, 0, 0),
    "slow": (1, 0, 0),
    "odd": (float("nan"), 0, 0),
    "nothing": (0, 0, 0),
}
BROKEN = "broken"  # A word for which the model has no vector.
ENDLESS = 1 << 60

TOKENS = "float[n, l, 3] last_hidden_state"
GRAPHS = {
    TOKENS: "last_hidden_state = Gather(table, input_ids)",
    "float[n, l, 3] token_embeddings, float[n, 3] sentence_embedding": """
        token_embeddings = Gather(table, input_ids)
        first = Constant<value_int = 0>()
        sentence_embedding = Gather<axis = 1>(token_embeddings, first)
    """,
    "float[n, l, 3] logits": "logits = Gather(table, input_ids)",
}
INPUTS = ("int64[n, l] input_ids", "int64[n, l] attention_mask", "int64[n, l] token_type_ids")
# As many turns as the slowest word of a batch takes.
LOOP = """
    turns = Gather(patience, input_ids)
    most = ReduceMax<keepdims = 0>(turns)
    go = Constant<value = bool {1}>()
    began = Gather(table, input_ids)
    last_hidden_state = Loop<body = turn (int64 number, bool on, float[n, l, 3] before)
        => (bool still, float[n, l, 3] after) { still = Identity(on)  after = Identity(before) }>(most, go, began)
"""


def make_tokenizer(*, truncated: int | None = None, padded: int | None = None) -> Tokenizer:
    words = {word: number for number, word in enumerate([*VECTORS, BROKEN])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if truncated:
        tokenizer.enable_truncation(truncated)
    if padded:
        tokenizer.enable_padding(pad_id=0, pad_token="[PAD]", length=padded)
    return tokenizer


def make_folder(
    folder: Path,
    *,
    outputs: str = TOKENS,
    inputs: Sequence[str] = INPUTS,
    graph: str = "",
    name: str = "model.onnx",
    tokenizer: Tokenizer | None = None,
    **files: object,
) -> Path:
    """Make a model's folder; `files` are its further JSON files, `pooling` for `1_Pooling/config.json`."""
    (folder / name).parent.mkdir(parents=True)
    text = f'<ir_version: 10, opset_import: ["": 18]> tiny ({", ".join(inputs)}) => ({outputs}) {{'
    model = onnx.parser.parse_model(f"{text} {graph or GRAPHS[outputs]} }}")
    table = np.array(list(VECTORS.values()), dtype=np.float32)
    patience = np.array([ENDLESS if word == "slow" else 1 for word in VECTORS], dtype=np.int64)
    model.graph.initializer.append(onnx.numpy_helper.from_array(table, "table"))
    if "patience" in graph:
        model.graph.initializer.append(onnx.numpy_helper.from_array(patience, "patience"))
    onnx.save(model, folder / name)
    (tokenizer or make_tokenizer()).save(str(folder / "tokenizer.json"))
    for label, content in files.items():
        path = folder / f"{label.replace('pooling', '1_Pooling/config')}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder
