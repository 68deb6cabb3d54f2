"""The fields of documents, one row each: path, default, unit, meaning, why, and where it comes from."""

import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from autoscaler.policy.field_reference import KEY
from autoscaler.policy.schema import tidied
from autoscaler.policy.strict import Strict


@dataclass(frozen=True, slots=True)
class Row:
    """What the reference says of one field.

    Attributes:
        path: from the document's top; `[]` stands for every item of a list.
        schema: its JSON Schema, without references.
        default: as a document would say it, in code marks; `needed` where there is none.
        meaning: what it is.
        unit: of its value; `–` where it has none; empty where nobody said.
        why: why its default is what it is; empty where nobody said.
        source: the systems it comes from; empty where nobody said.
    """

    path: str
    schema: dict[str, Any]
    default: str
    meaning: str
    unit: str
    why: str
    source: str


def rows(model: type[BaseModel]) -> list[Row]:
    """Give a row for every field of a model and of the models within it, in the order of the document.

    A field that only groups others (`replicas`) has no row of its own; a list of models, or a model that may be null,
    has one, and its fields have theirs.
    """
    return list(_rows(model, ""))


def _rows(model: type[BaseModel], prefix: str) -> Iterator[Row]:
    described = tidied(model.model_json_schema(by_alias=True, mode="validation"))
    for name, field in model.model_fields.items():
        alias = field.alias or name
        path, inner = f"{prefix}{alias}", _models(field.annotation)
        if field.annotation not in inner:
            yield _row(path, field, described["properties"][alias])
        for one in inner:
            step = "[]." if _is_list(field.annotation) else "."
            yield from _rows(one, f"{path}{step}")


def _row(path: str, field: FieldInfo, schema: dict[str, Any]) -> Row:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    told = typing.cast(dict[str, str], extra.get(KEY, {}))
    return Row(
        path=path,
        schema=schema,
        default=_default(field, schema),
        meaning=field.description or "",
        unit=told.get("unit", ""),
        why=told.get("why", ""),
        source=told.get("source", ""),
    )


def _default(field: FieldInfo, schema: dict[str, Any]) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "needed"
    # Of what is no model the schema has the default, durations as the texts that documents hold.
    return f"`{_document_text(schema.get('default', value))}`"


def _document_text(value: object) -> str:
    if isinstance(value, Strict):
        value = value.model_dump(by_alias=True, mode="json", exclude_unset=bool(value.model_fields_set))
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_document_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_document_text(one) for one in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _models(annotation: object) -> tuple[type[BaseModel], ...]:
    """Give the models within an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(model for inner in typing.get_args(annotation) for model in _models(inner))


def _is_list(annotation: object) -> bool:
    return typing.get_origin(annotation) is list
