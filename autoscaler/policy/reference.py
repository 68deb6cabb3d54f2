"""The reference of documents, labels, reasons and settings as Markdown, generated from the models themselves."""

from typing import Any

from autoscaler.core.reasons import Reason
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.field_rows import Row, rows
from autoscaler.policy.labels import MARKER, MEANINGS
from autoscaler.policy.scaling import Scaling
from autoscaler.policy.schema import is_duration, schema

_HEAD = """# Policy reference

Generated from the models; `autoscaler schema` gives the same as JSON Schema. Do not edit by hand:
`python -m autoscaler.policy.reference > docs/policies.md` writes it anew.

Two kinds of documents, `apiVersion: autoscaler.faas.dev/v1alpha1`. A `Tenant` is the operator's: who owns which
namespaces, within which limits. A `ScalingPolicy` is the tenant's: which of its functions scale how.

What holds for a function, later wins: built-in defaults → `spec.defaults` of its Tenant → the one most specific
ScalingPolicy of its namespace → labels and annotations on the function; all of it clipped to `spec.bounds` of the Tenant.
Most specific is an exact name, then the longest pattern, then the most labels, then `*`; among equals the first by name.
Fields of `replicas`, `windows`, `scaleUp` and `scaleDown` count one by one; all others are replaced whole. No layers of
several policies: one document says all that a tenant says about a function.

A document that is invalid disables itself alone. Its last good version stays in force, and `autoscaler check` names every
problem with file, line, field, and what is allowed. A duration is a number with a unit: `500ms`, `30s`, `5m`, `1h30m`, `1d`.
A field without a default here is needed.

*From* names the system that a field is known from, and its name there: Knative Serving's autoscaler (KPA), Kubernetes'
HorizontalPodAutoscaler (HPA), KEDA, OpenFaaS (Pro), or ours.
"""

_LABELS = f"""
## Labels and annotations

On a function's Deployment or on its pod template; the Deployment's win, annotations win over labels of the same name, and
ours over OpenFaaS's. One that cannot be read is left out and told. A Deployment is a function if it or its pod template
carries the label `faas_function` or `{MARKER}` (whose value `false` says no), in a namespace that a Tenant has.
Other labels of OpenFaaS's steer nothing here.

| label | meaning |
|---|---|
"""


_REASONS = """
# Reasons

Why a function has the replicas it has: one code for each rule that can bind. Codes are public, and never change their
meaning; decision logs and metrics hold them.

| code | name | stage | sentence |
|---|---|---|---|
"""

STAGES = {
    0: "demand",
    1: "guards",
    2: "floors",
    3: "idle",
    4: "limits",
    5: "budget",
    6: "blast radius",
    7: "mask and orders",
    8: "between ticks",
    9: "guards",
}
"""The stage of a reason, by the tens of its code."""


def reference() -> str:
    """Write the whole reference."""
    return "".join([_HEAD, *_documents(), _LABELS, *_labels(), _REASONS, *_reasons(), *_settings()])


def stage_of(reason: Reason) -> str:
    """Name the stage that a reason comes from."""
    return "every stage" if reason is Reason.PASSED else STAGES[reason // 10]


def _documents() -> list[str]:
    scaling = rows(Scaling)
    shared = {f"spec.{row.path}" for row in scaling}
    yours = [row for row in rows(ScalingPolicy) if row.path not in shared]
    operators = [row for row in rows(Tenant) if not row.path.startswith("spec.defaults.")]
    return [
        _table("Tenant", f"{Tenant.__doc__} `spec.defaults` has the fields of [Scaling](#scaling).", operators),
        _table("ScalingPolicy", f"{ScalingPolicy.__doc__} `spec` has the fields of [Scaling](#scaling) too.", yours),
        _table("Scaling", f"{Scaling.__doc__} Paths are below `spec` or `spec.defaults`.", scaling),
    ]


def _table(title: str, words: str, fields: list[Row]) -> str:
    head = f"\n## {title}\n\n{words}\n\n| field | type | default | unit | meaning | why this default | from |\n"
    lines = (
        f"| `{row.path}` | {_type_text(row.schema, is_linked=False)} | {row.default} | {row.unit} | {_cell(row.meaning)} | {_cell(row.why)} "
        f"| {row.source} |\n"
        for row in fields
    )
    return head + "|---|---|---|---|---|---|---|\n" + "".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _labels() -> list[str]:
    return [f"| `{name}` | {meaning.words} |\n" for name, meaning in MEANINGS.items()]


def _reasons() -> list[str]:
    return [f"| {int(one)} | `{one.name}` | {stage_of(one)} | {one.sentence} |\n" for one in Reason]


def _settings() -> list[str]:
    words = "The operator's; a file, then `AUTOSCALER_…` variables (nested with `__`), then flags; later wins."
    return [f"\n# Settings\n\n{words}\n", _model_sections("Settings", schema("settings"), set())]


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
        f"| `{name}` | {_type_text(field, is_linked=True)} | {_default(field, name in needed)} | {_meaning(field, definitions)} |\n"
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


def _type_text(field: dict[str, Any], *, is_linked: bool) -> str:
    if "anyOf" in field:
        return " or ".join(_type_text(one, is_linked=is_linked) for one in field["anyOf"])
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if is_linked else "fields below"
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if is_duration(field):
        return "duration"
    kind = field.get("type", "")
    inner = {"array": field.get("items"), "object": field.get("additionalProperties")}.get(kind)
    return _NAMES.get(kind, "any") + (
        f" {_type_text(inner, is_linked=is_linked)}" if isinstance(inner, dict) else _range(field)
    )


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
