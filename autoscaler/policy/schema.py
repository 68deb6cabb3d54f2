"""JSON Schema (2020-12) of documents and settings, for editors and for `autoscaler schema`."""

import json
import sys
from typing import Any

from pydantic import BaseModel

from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.field_reference import KEY
from autoscaler.policy.quantities import DURATION_PATTERN, format_duration
from autoscaler.policy.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[BaseModel]] = {"tenant": Tenant, "scalingpolicy": ScalingPolicy, "settings": Settings}
"""What has a schema, by the name of its file."""


def schema(name: str) -> dict[str, Any]:
    """Give the schema of one of `MODELS`.

    Raises:
        KeyError: there is no such name.
    """
    described: dict[str, Any] = tidied(MODELS[name].model_json_schema(by_alias=True, mode="validation"))
    return {"$schema": DIALECT, **described}


def schema_text(name: str) -> str:
    """Give the schema as the file that `policies/schema/` holds."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def tidied(part: Any) -> Any:
    """Drop titles that only repeat names and what is for the reference alone; write defaults as documents would."""
    if isinstance(part, list):
        return [tidied(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {key: value for key, value in part.items() if key != KEY and not (key == "title" and isinstance(value, str))}
    tidy = {key: tidied(value) for key, value in kept.items()}
    if is_duration(part) and isinstance(part.get("default"), float):
        tidy["default"] = format_duration(part["default"])
    return tidy


def is_duration(described: dict[str, Any]) -> bool:
    """Tell whether a schema is that of a duration, or of a duration or null."""
    return any(one.get("pattern") == DURATION_PATTERN for one in (described, *described.get("anyOf", ())))


if __name__ == "__main__":
    print(schema_text(sys.argv[1]), end="")
