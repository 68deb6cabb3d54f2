"""What holds for each field of a function, as people read it: the value, who set it, and what a bound took away."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

from autoscaler.policy.labels import MEANINGS, Fields, Said
from autoscaler.policy.scaling import Scaling


class Layer(Enum):
    """Who can say what holds, the later the stronger; a bound of the tenant is over all of them."""

    BUILT_IN = "built-in"
    DOCUMENT = "document"
    LABEL = "label"
    BOUND = "bound"


@dataclass(frozen=True, slots=True)
class Saying:
    """Somebody's word on a field.

    Attributes:
        value: as a document would write it: durations as texts, null for none.
        layer: who it is.
        by: place of the field in a document (`file:line`, or a custom resource and the field's path), names of labels, or
            "built-in default".
    """

    value: object
    layer: Layer
    by: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds for a field.

    Attributes:
        field: its path, such as `replicas.max`.
        held: what holds, and who set it.
        asked: what was asked for and clipped by a bound of the tenant; None: nothing was.
    """

    field: str
    held: Saying
    asked: Saying | None


def holdings(fields: Fields) -> tuple[Holding, ...]:
    """Give every field, in the order of the reference."""
    return tuple(holding(path, said) for path, said in fields.items())


def holding(path: str, said: Said) -> Holding:
    """Give what holds for one field."""
    if said.asked is None:
        return Holding(path, _saying(path, said), None)
    held = Saying(written(path, said.value), Layer.BOUND, said.origin)
    return Holding(path, held, _saying(path, said.asked))


def written(path: str, value: object) -> object:
    """Give a field's value as a document writes it; what is none within it is left out."""
    if value is None:
        return None
    model, name = _FIELDS[path]
    alias = model.model_fields[name].alias or name
    whole: Mapping[str, Any] = model.model_construct(None, **{name: value}).model_dump(
        mode="json", by_alias=True, include={name}, exclude_none=True
    )
    return whole[alias]


def as_text(value: object) -> str:
    """Write such a value in one line: texts bare, all else as JSON, which is YAML too."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _saying(path: str, said: Said) -> Saying:
    layer = Layer.BUILT_IN if said.is_built_in else Layer.LABEL if _is_label(said.origin) else Layer.DOCUMENT
    return Saying(written(path, said.value), layer, said.origin)


def _is_label(origin: str) -> bool:
    return all(name in MEANINGS for name in origin.split(", "))


def _fields() -> dict[str, tuple[type[BaseModel], str]]:
    """Give the model and the name of the field at each path."""
    found: dict[str, tuple[type[BaseModel], str]] = {}
    for name, field in Scaling.model_fields.items():
        path, kind = field.alias or name, field.annotation
        found[path] = (Scaling, name)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= {f"{path}.{one.alias or inner}": (kind, inner) for inner, one in kind.model_fields.items()}
    return found


_FIELDS = _fields()
