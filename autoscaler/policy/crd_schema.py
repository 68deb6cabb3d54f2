"""The models' JSON Schema → the structural schema that a CustomResourceDefinition takes.

Nothing has a default there: the API server would write it into every object, and a field that is left out would be one
that is said, which wins over the tenant's.
"""

import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from autoscaler.policy.crd_rules import MOST_DURATION_CHARACTERS, RULES, duration_rule
from autoscaler.policy.field_reference import KEY
from autoscaler.policy.promql import MAX_CHARACTERS
from autoscaler.policy.schema import is_duration

Schema = dict[str, Any]

_LEFT_OUT = frozenset({"title", "default", "examples", "additionalProperties", "anyOf", "const", KEY})

_LONGEST = {("Metric", "query"): MAX_CHARACTERS, ("Metric", "activity"): MAX_CHARACTERS}
"""Characters of texts whose validators bound them: CEL's cost is reckoned from what the schema says."""

_LIST_KEYS = {("TenantStatus", "conditions"): "type", ("ScalingPolicyStatus", "conditions"): "type"}
"""Lists whose entries have an identity, so that two writers may each own some."""


def structural(model: type[BaseModel]) -> Schema:
    """Give the schema of a model, with the CEL rules of every model within it."""
    described = model.model_json_schema(by_alias=True, mode="validation")
    definitions = described.pop("$defs", {})
    return _Conversion(definitions, {one.__name__: one for one in models_within(model)}).model(
        model.__name__, described
    )


def models_within(annotation: object) -> Iterator[type[BaseModel]]:
    """Give a model and every model that its fields name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_within(field.annotation)
    for argument in typing.get_args(annotation):
        yield from models_within(argument)


class _Conversion:
    """One schema on its way.

    Attributes:
        definitions: what `$ref` names.
        models: the models by the same names.
    """

    def __init__(self, definitions: Mapping[str, Schema], models: Mapping[str, type[BaseModel]]) -> None:
        self.definitions = definitions
        self.models = models

    def model(self, name: str, described: Schema) -> Schema:
        """Give the schema of a model, its rules included."""
        fields = {field.alias or name: field for name, field in self.models[name].model_fields.items()}
        properties = {
            field: self.field(name, field, fields[field], part)
            for field, part in described.get("properties", {}).items()
        }
        needed = {"required": described["required"]} if "required" in described else {}
        rules = [rule.document() for rule in RULES.get(name, ())]
        validations = {"x-kubernetes-validations": rules} if rules else {}
        return {
            "type": "object",
            "description": _one_line(described.get("description", "")),
            **needed,
            **validations,
            "properties": properties,
        }

    def field(self, model: str, name: str, field: FieldInfo, part: Schema) -> Schema:
        """Give the schema of a model's field."""
        found = self.part(part)
        if (model, name) in _LONGEST:
            found["maxLength"] = _LONGEST[model, name]
        if (model, name) in _LIST_KEYS:
            found |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [_LIST_KEYS[model, name]]}
        if is_duration(part):
            rule = duration_rule(*_range(field))
            found["maxLength"] = MOST_DURATION_CHARACTERS
            found |= {"x-kubernetes-validations": [rule.document()]} if rule is not None else {}
        return found

    def part(self, part: Schema) -> Schema:
        """Give the schema of anything."""
        said = {"description": _one_line(part["description"])} if "description" in part else {}
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            return self.model(name, self.definitions[name]) | said
        if "anyOf" in part:
            return self._either(part["anyOf"]) | said
        kept = {key: value for key, value in part.items() if key not in _LEFT_OUT}
        if "items" in part:
            kept["items"] = self.part(part["items"])
        if isinstance(part.get("additionalProperties"), dict):
            kept["additionalProperties"] = self.part(part["additionalProperties"])
        if "const" in part:
            kept["enum"] = [part["const"]]
        return _limits(kept)

    def _either(self, choices: list[Schema]) -> Schema:
        """Give the schema of one that may be null, or of one that is a number or a text."""
        kinds = [one for one in choices if one.get("type") != "null"]
        nullable = {"nullable": True} if len(kinds) < len(choices) else {}
        if len(kinds) == 1:
            return self.part(kinds[0]) | nullable
        return _number_or_text([self.part(one) for one in kinds]) | nullable


def _number_or_text(kinds: list[Schema]) -> Schema:
    """Give the schema of a field that takes a number or a text; the limits of each bind values of its own kind alone.

    A structural schema has a name for integers or texts. For fractions or texts it has none: such a field takes
    anything, and the limits refuse numbers and texts that are wrong, lists with an entry and mappings with a key.

    Raises:
        KeyError: it is neither; then this schema would say nothing about it.
    """
    by_type = {one["type"]: one for one in kinds}
    text = by_type.pop("string")
    (number,) = by_type.values()
    pattern = text.get("pattern") or f"^({'|'.join(text['enum'])})$"
    limits = {key: value for key, value in number.items() if key != "type"} | {"pattern": pattern}
    if "integer" in by_type:
        return {"x-kubernetes-int-or-string": True, **limits}
    return {"x-kubernetes-preserve-unknown-fields": True, **limits, "maxItems": 0, "maxProperties": 0}


def _limits(part: Schema) -> Schema:
    """Write limits that are not reached as this older dialect does: a flag beside the limit."""
    for key, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if key in part:
            part[limit], part[key] = part[key], True
    return part


def _range(field: FieldInfo) -> tuple[float | None, bool, float | None]:
    """Give the least seconds of a duration, whether it must be more, and the most; None: no such limit."""
    limits: dict[str, float] = {
        name: getattr(one, name) for one in _metadata(field) for name in ("gt", "ge", "le") if hasattr(one, name)
    }
    return limits.get("gt", limits.get("ge")), "gt" in limits, limits.get("le")


def _metadata(field: FieldInfo) -> Iterator[object]:
    """Give what is annotated on a field, that of an optional's inner annotation included."""
    yield from field.metadata
    for argument in typing.get_args(field.annotation):
        for one in typing.get_args(argument)[1:]:
            yield from one.metadata if isinstance(one, FieldInfo) else [one]


def _one_line(text: str) -> str:
    return " ".join(text.split())
