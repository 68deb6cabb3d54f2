"""The reference of documents, labels and settings as Markdown, generated from the models themselves."""

from typing import Any

from autoscaler.policy.labels import MARKER, MEANINGS
from autoscaler.policy.schema import is_duration, schema

_HEAD = """# Policy reference

Generated from the models; `autoscaler schema` gives the same as JSON Schema. Do not edit by hand:
`python -m autoscaler.policy.reference > docs/policies.md` writes it anew.

Two kinds of documents, `apiVersion: autoscaler.faas.dev/v1alpha1`. A `Tenant` is the operator's: who owns which
namespaces, within which limits. A `ScalingPolicy` is the tenant's: which of its functions scale how.

What holds for a function, later wins: built-in defaults → `spec.defaults` of its Tenant → the one most specific
ScalingPolicy of its namespace → labels and annotations on the function; all of it clipped to `spec.bounds` of the Tenant.
Most specific is an exact name, then the longest pattern, then the most labels, then `*`; among equals the first by name.
Fields of `replicas`, `windows`, `scaleUp` and `scaleDown` count one by one; `metrics`, `zero`, `alerts` and `wake` are
replaced whole. No layers of several policies: one document says all that a tenant says about a function.

A document that is invalid disables itself alone. Its last good version stays in force, and `autoscaler check` names every
problem with file, line, field, and what is allowed. A duration is a number with a unit: `500ms`, `30s`, `5m`, `1h30m`, `1d`.
A field without a default here is needed.
"""

_LABELS = f"""
## Labels and annotations

On a function's Deployment or on its pod template; the Deployment's win, annotations win over labels of the same name, and
ours over OpenFaaS's. One that cannot be read is left out and told. A Deployment is a function if it or its pod template
carries the label `faas_function` or `{MARKER}` (whose value `false` says no), in a namespace that a Tenant has.
Other labels of OpenFaaS's (`com.openfaas.scale.factor`: a step per alert) steer nothing here.

| label | meaning |
|---|---|
"""


def reference() -> str:
    """Write the whole reference."""
    text = _HEAD
    seen: set[str] = set()
    for name, title in (("tenant", "Tenant"), ("scalingpolicy", "ScalingPolicy")):
        text += _model_sections(title, schema(name), seen)
    text += _LABELS + "".join(f"| `{name}` | {meaning.words} |\n" for name, meaning in MEANINGS.items())
    text += "\n# Settings\n\nThe operator's; a file, then `AUTOSCALER_…` variables (nested with `__`), then flags; later wins.\n"
    return text + _model_sections("Settings", schema("settings"), seen)


def _model_sections(title: str, described: dict[str, Any], seen: set[str]) -> str:
    """Write a section for a model and each model within it, depth first, each once."""
    definitions: dict[str, Any] = described.get("$defs", {})
    text = "" if title in seen else _section(title, described, definitions)
    seen.add(title)
    for inner in _references(described.get("properties", {})):
        if inner not in seen:
            text += _model_sections(inner, {**definitions[inner], "$defs": definitions}, seen)
    return text


def _section(title: str, described: dict[str, Any], definitions: dict[str, Any]) -> str:
    needed = described.get("required", [])
    rows = "".join(
        f"| `{name}` | {_type(field)} | {_default(field, name in needed)} | {_meaning(field, definitions)} |\n"
        for name, field in described.get("properties", {}).items()
    )
    words = described.get("description", "")
    return f"\n## {title}\n\n{words}\n\n| field | type | default | meaning |\n|---|---|---|---|\n{rows}"


def _references(part: Any) -> list[str]:
    """Give the models that a schema names, in order of appearance."""
    if isinstance(part, list):
        return [name for item in part for name in _references(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"].rpartition("/")[2]] if isinstance(part.get("$ref"), str) else []
    return own + [name for value in part.values() for name in _references(value)]


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if is_duration(field):
        return "duration"
    kind = field.get("type", "")
    inner = {"array": field.get("items"), "object": field.get("additionalProperties")}.get(kind)
    return _NAMES.get(kind, "any") + (f" {_type(inner)}" if isinstance(inner, dict) else _range(field))


_NAMES = {
    "array": "list of",
    "object": "mapping to",
    "integer": "integer",
    "number": "number",
    "string": "text",
    "boolean": "boolean",
    "null": "null",
}


def _range(field: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = ", ".join(f"{sign} {field[key]:,.12g}" for key, sign in signs.items() if key in field)
    return f" {limits}" if limits else ""


def _default(field: dict[str, Any], is_needed: bool) -> str:
    if is_needed or "default" not in field:
        return "" if is_needed else "see meaning"
    value = field["default"]
    words = {None: "null", True: "true", False: "false"}
    return f"`{words[value] if value is None or isinstance(value, bool) else value}`"


def _meaning(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    model = definitions.get(field.get("$ref", "").rpartition("/")[2], {})
    text: str = field.get("description") or model.get("description", "")
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    print(reference(), end="")
