"""The CustomResourceDefinitions say what the models say, in the dialect that an API server takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from autoscaler.policy.crd import FILES, KIND_OF, definition, definition_text
from autoscaler.policy.crd_rules import RULES, duration_rule
from autoscaler.policy.crd_schema import models_within
from autoscaler.policy.documents import KINDS, ScalingPolicy, ScalingPolicySpec, Tenant, TenantSpec
from autoscaler.policy.schema import schema
from autoscaler.policy.statuses import STATUSES

MANIFESTS = Path(__file__).parents[3] / "manifests"
FOLDERS = (MANIFESTS / "crds", MANIFESTS / "chart" / "files" / "crds")
TYPELESS = {"x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"}


def openapi(kind: str) -> dict[str, Any]:
    """Give a kind's schema."""
    (version,) = definition(kind)["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def below(part: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give a schema and every schema within it, each with its path."""
    yield path, part
    for name, inner in part.get("properties", {}).items():
        yield from below(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), dict):
            yield from below(part[key], f"{path}[]")


def at(kind: str, path: str) -> dict[str, Any]:
    """Give the schema at a path."""
    return dict(below(openapi(kind)))[path]


@pytest.mark.parametrize("folder", FOLDERS, ids=["kustomize", "chart"])
@pytest.mark.parametrize("name", FILES)
def test_the_committed_definition_is_up_to_date(name: str, folder: Path) -> None:
    """`python -m autoscaler.policy.crd NAME` writes what is in manifests/crds and in the chart."""
    assert (folder / FILES[name]).read_text() == definition_text(name)


@pytest.mark.parametrize("name", FILES)
def test_the_text_is_the_definition(name: str) -> None:
    """Read as YAML, the text is the definition again: nothing in it is folded, quoted or aliased into something else."""
    assert YAML(typ="safe").load(definition_text(name)) == definition(KIND_OF[name])


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_structural(kind: str) -> None:
    """Every schema has a type or says why not, and nothing stands there that an API server refuses or would fill in."""
    for path, part in below(openapi(kind)):
        assert "type" in part or TYPELESS & part.keys(), path
        forbidden = {"$ref", "anyOf", "default", "const", "examples", "title", "x-reference", "definitions"}
        assert not forbidden & part.keys(), path
        assert part.get("additionalProperties") is not False, path
        assert isinstance(part.get("exclusiveMinimum", True), bool), path


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_every_field_of_the_models(kind: str) -> None:
    """What the published JSON Schema names below spec is in the definition, and nothing else is; so for the status."""
    described = schema(kind.lower())
    wanted = set(fields(described["properties"]["spec"], described["$defs"], ".spec"))
    found = {path for path, _ in below(openapi(kind)["properties"]["spec"], ".spec")}
    assert found == wanted | {".spec"}
    status = STATUSES[kind].model_json_schema(by_alias=True)
    found = {path for path, _ in below(openapi(kind)["properties"]["status"])}
    assert found == set(fields(status, status.get("$defs", {}), "")) | {""}


def fields(part: dict[str, Any], definitions: dict[str, Any], path: str) -> Iterator[str]:
    """Give the path of every field and item that a JSON Schema names."""
    if "$ref" in part:
        yield from fields(definitions[part["$ref"].rpartition("/")[2]], definitions, path)
    for choice in part.get("anyOf", ()):
        yield from fields(choice, definitions, path)
    for name, inner in part.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from fields(inner, definitions, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), dict):
            yield f"{path}[]"
            yield from fields(part[key], definitions, f"{path}[]")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_the_spec_is_explained(kind: str) -> None:
    """`kubectl explain` has words for every field."""
    spec = openapi(kind)["properties"]["spec"]
    assert [path for path, part in below(spec) if not path.endswith("[]") and not part.get("description")] == []


@pytest.mark.parametrize(
    "path", ["replicas.max", "concurrencyLimit", "concurrencyCap", "windows.panic", "zero", "wake", "fallback.replicas"]
)
def test_what_may_be_null_may_be_null(path: str) -> None:
    """A null that means something, such as "never", is a value here too."""
    assert at("ScalingPolicy", f".spec.{path}")["nullable"] is True
    assert at("Tenant", f".spec.defaults.{path}")["nullable"] is True


def test_limits_are_those_of_the_models() -> None:
    """Numbers, lists, texts and durations have the models' limits, as this dialect writes them."""
    after = at("ScalingPolicy", ".spec.windows.panicThreshold")
    assert (after["minimum"], after["exclusiveMinimum"], after["maximum"]) == (1, True, 1000)
    assert at("ScalingPolicy", ".spec.metrics")["maxItems"] == 16
    assert at("ScalingPolicy", ".spec.scaleUp.policies[]")["required"] == ["type", "value", "period"]
    (rule,) = at("ScalingPolicy", ".spec.windows.panic")["x-kubernetes-validations"]
    assert "duration('900s')" in rule["rule"]
    assert rule["message"] == "allowed: more than 0s, at most 15m"


def test_a_number_or_a_text_takes_both() -> None:
    """What is a number or a text keeps the limits of the number and the pattern of the text."""
    lend = at("Tenant", ".spec.budget.replicas.lend")
    assert (lend["x-kubernetes-int-or-string"], lend["minimum"], lend["pattern"]) == (True, 0, "^(all)$")
    target = at("ScalingPolicy", ".spec.metrics[].target")
    assert "type" not in target
    assert (target["exclusiveMinimum"], target["pattern"]) == (True, "^[0-9]{1,9}m$")


def test_every_rule_belongs_to_a_model() -> None:
    """No rule is for a model that there is no more."""
    models = {one.__name__ for spec in (TenantSpec, ScalingPolicySpec) for one in models_within(spec)}
    assert RULES.keys() <= models


@pytest.mark.parametrize("model", [Tenant, ScalingPolicy])
def test_every_model_with_a_rule_of_its_own_has_one_in_cel(model: type[Tenant] | type[ScalingPolicy]) -> None:
    """A model whose fields must hold together says so to the API server too: none is forgotten when one is added."""
    validated = {
        one.__name__
        for one in models_within(model)
        if any(validator.info.mode == "after" for validator in one.__pydantic_decorators__.model_validators.values())
    }
    assert validated <= RULES.keys()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ((None, False, None), None),
        ((0.0, False, None), None),
        ((0.0, True, None), "allowed: more than 0s"),
        ((0.0, False, 3600.0), "allowed: at most 1h"),
        ((1.0, False, 1800.0), "allowed: at least 1s, at most 30m"),
        ((0.0, True, 86_400.0), "allowed: more than 0s, at most 1d"),
    ],
)
def test_a_durations_range_is_a_rule(limits: tuple[float | None, bool, float | None], words: str | None) -> None:
    """The rule of a duration says what is allowed in the words of documents; where all is allowed there is none."""
    rule = duration_rule(*limits)
    assert (rule.message if rule is not None else None) == words


@pytest.mark.parametrize("kind", KINDS)
def test_columns_show_what_is_there(kind: str) -> None:
    """Each printer column's path is one of the schema's, or of the object's metadata."""
    (version,) = definition(kind)["spec"]["versions"]
    known = {path for path, _ in below(openapi(kind))} | {".metadata.creationTimestamp"}
    shown = [
        column["jsonPath"].replace("[?(@.type==", "\0").split("\0")[0] for column in version["additionalPrinterColumns"]
    ]
    assert set(shown) <= known
