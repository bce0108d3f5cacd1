"""The schemas of the document: every model of the wire, each under a name that says whose it is."""

import re
from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import CoreModeRef, CoreRef, DefsRef, GenerateJsonSchema, models_json_schema

from chalicelib.surfaces.surface import Reply

from .vocabulary import Json

Mode = Literal["validation", "serialization"]
VALIDATION: Mode = "validation"
SERIALIZATION: Mode = "serialization"
REFERENCE = "#/components/schemas/"
_OF_A_SURFACE = re.compile(r"\bchalicelib\.surfaces\.(\w+)\.(?:\w+\.)+(\w+)")


class _Generator(GenerateJsonSchema):
    """Names a surface's models after it, since several have a JobView: ``AgentsJobView``, ``FilesJobView``."""

    def get_defs_ref(self, core_mode_ref: CoreModeRef) -> DefsRef:
        core_ref, mode = core_mode_ref
        named = _OF_A_SURFACE.sub(lambda found: f"{found[1].capitalize()}{found[2]}", core_ref)
        return super().get_defs_ref((CoreRef(named), mode))


class Schemas:
    """The schemas of models, made all at once so that what they share is described once."""

    def __init__(self, wanted: Iterable[tuple[type[BaseModel], Mode]]) -> None:
        pairs = list(dict.fromkeys(wanted))
        references, whole = models_json_schema(
            pairs, ref_template=REFERENCE + "{model}", schema_generator=_Generator, title="Schemas"
        )
        self._references = references
        self.components: dict[str, Json] = whole.get("$defs", {})
        for schema in self.components.values():
            self._require_tags(schema)

    def _require_tags(self, part: object) -> None:
        """Require of the members of a union what tells them apart: pydantic asks for it, whatever its default."""
        if isinstance(part, list):
            for inner in part:
                self._require_tags(inner)
        elif isinstance(part, dict):
            tag = part.get("discriminator", {})
            for reference in tag.get("mapping", {}).values():
                member = self.components[reference.removeprefix(REFERENCE)]
                member["required"] = sorted({*member.get("required", ()), tag["propertyName"]})
            for inner in part.values():
                self._require_tags(inner)

    def of(self, model: type[BaseModel], mode: Mode) -> Json:
        """A reference to the model's schema."""
        return dict(self._references[model, mode])

    def resolved(self, model: type[BaseModel], mode: Mode) -> Json:
        """The model's schema itself."""
        return self.components[self.of(model, mode)["$ref"].removeprefix(REFERENCE)]

    def of_answer(self, returned: Any) -> Json:  # noqa: ANN401  a type, as annotations have them
        """The schema of a model, of a list of models, or of one of several."""
        origin, inner = get_origin(returned), get_args(returned)
        if origin is list:
            return {"type": "array", "items": self.of_answer(inner[0])}
        if origin in {Union, UnionType}:
            return {"anyOf": [self.of_answer(one) for one in inner]}
        if returned is Any:
            return {}
        return self.of(returned, SERIALIZATION)


def answered(returned: Any) -> Any:  # noqa: ANN401  types, as annotations have them
    """What a view answers with, without the ``Reply`` around it."""
    if returned in {Reply, None}:
        return Any
    return get_args(returned)[0] if get_origin(returned) is Reply else returned


def models_in(returned: Any) -> list[type[BaseModel]]:  # noqa: ANN401  a type, as annotations have them
    """The models of an answer's type."""
    if isinstance(returned, type) and issubclass(returned, BaseModel):
        return [returned]
    return [model for inner in get_args(returned) for model in models_in(inner)]
