"""What a folder says of its sentence-embedding model, in the files that sentence-transformers and optimum write."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

MODELS = ("model.onnx", "onnx/model.onnx")
TOKENIZER = "tokenizer.json"
BOUNDLESS = 1 << 20  # Tokens: tokenizers without a limit name a number beyond this one.
POOLED = frozenset({"mean", "cls"})
# What these do is done here; others (a Dense layer, say) change what a sentence's vector is.
KNOWN_MODULES = frozenset({"Transformer", "Pooling", "Normalize"})


class ModelError(ValueError):
    """The model cannot be used here; the message is for the agent's operator."""


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """An ONNX model with its tokenizer.

    `longest` is the number of tokens that its makers let it have, and `positions` that for which it has room; None if
    the folder does not say. `pooling` names the ways in which the vectors of the tokens become one, `modules` the
    types of the modules that were chained, as far as the folder says.
    """

    model: Path
    tokenizer: Path
    longest: int | None
    positions: int | None
    pooling: tuple[str, ...]
    modules: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what a folder says.

        Raises:
            ModelError: it lacks a file, or one of them is damaged.
        """
        if not folder.is_dir():
            raise ModelError(f"{folder} is not a folder")
        model = next((folder / name for name in MODELS if (folder / name).is_file()), None)
        if model is None:
            raise ModelError(f"{folder} has no {' and no '.join(MODELS)}")
        if not (folder / TOKENIZER).is_file():
            raise ModelError(f"{folder} has no {TOKENIZER}")
        return cls(
            model=model,
            tokenizer=folder / TOKENIZER,
            longest=_longest(folder),
            positions=_count(_object(folder / "config.json"), "max_position_embeddings"),
            pooling=_pooling(_object(folder / "1_Pooling/config.json")),
            modules=_modules(folder / "modules.json"),
        )

    def pool(self) -> str:
        """Give the one way, "mean" or "cls", in which the vectors of a sentence's tokens become the sentence's.

        Raises:
            ModelError: it takes more than that.
        """
        if unknown := [name for name in self.modules if name not in KNOWN_MODULES]:
            raise ModelError(
                f"{self.model} ends before the model's modules {', '.join(unknown)}; "
                "export it with its output sentence_embedding (optimum-cli does)"
            )
        if len(self.pooling) != 1 or self.pooling[0] not in POOLED:
            raise ModelError(f"the pooling {', '.join(self.pooling)} is not known here, only mean or cls")
        return self.pooling[0]


def _longest(folder: Path) -> int | None:
    """Give the limit that the model was made with; newer versions keep it with the tokenizer."""
    return _count(_object(folder / "sentence_bert_config.json"), "max_seq_length") or _count(
        _object(folder / "tokenizer_config.json"), "model_max_length"
    )


def _count(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) and 0 < value <= BOUNDLESS else None


def _pooling(fields: dict[str, Any]) -> tuple[str, ...]:
    """Read the modes by name, or as older versions write them: `"pooling_mode_cls_token": true`."""
    named = fields.get("pooling_mode")
    if named:
        return (named,) if isinstance(named, str) else tuple(map(str, named))
    flags = [name.removeprefix("pooling_mode_") for name, value in fields.items() if value is True]
    modes = tuple(flag.removesuffix("_tokens").removesuffix("_token") for flag in flags if flag != "include_prompt")
    return modes or ("mean",)


def _modules(path: Path) -> tuple[str, ...]:
    value = _json(path, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ModelError(f"{path} is not a JSON array of modules")
    return tuple(str(item.get("type")).rpartition(".")[2] for item in value)


def _object(path: Path) -> dict[str, Any]:
    value = _json(path, {})
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object")
    return value


def _json(path: Path, otherwise: object) -> object:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return otherwise
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
