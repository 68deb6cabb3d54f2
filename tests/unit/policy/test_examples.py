"""The shipped documents are good, and what is generated is up to date."""

from pathlib import Path

import pytest

from autoscaler.policy.check import check
from autoscaler.policy.loading import load
from autoscaler.policy.parsing import read_documents
from autoscaler.policy.precedence import BUILT_IN, tenant_layers
from autoscaler.policy.reference import reference
from autoscaler.policy.schema import MODELS, schema, schema_text
from autoscaler.policy.settings import Settings

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "policies" / "examples").iterdir())


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("*.yaml")}


def settings_of(example: Path) -> Settings:
    (document,) = read_documents("settings.yaml", (example / "settings.yaml").read_text())
    return Settings.model_validate(document.value)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_passes_its_own_check(example: Path) -> None:
    """Each example's settings and documents have no problem, and hold tenants."""
    files = texts(example / "policies")
    assert check(settings_of(example), files) == []
    assert load(files).namespaces


def test_the_smallest_useful_configuration_is_small() -> None:
    """Settings and documents together are twelve lines at most."""
    example = ROOT / "policies" / "examples" / "smallest"
    written = [(example / "settings.yaml").read_text(), *texts(example / "policies").values()]
    assert sum(len(text.splitlines()) for text in written) <= 12


def test_the_defaults_document_is_the_built_in_defaults() -> None:
    """The document that spells the defaults out says each of them, with the value that holds."""
    policies = load({"defaults.yaml": (ROOT / "policies" / "defaults.yaml").read_text()})
    assert policies.problems == ()
    spelled = policies.tenants["example"]
    fields = tenant_layers(spelled.document.spec.defaults, spelled.at)
    assert {path: said.value for path, said in fields.items()} == {path: said.value for path, said in BUILT_IN.items()}
    assert all(said.origin.startswith("defaults.yaml:") for said in fields.values())


@pytest.mark.parametrize("name", MODELS)
def test_the_committed_schema_is_up_to_date(name: str) -> None:
    """`python -m autoscaler.policy.schema NAME` writes what is in policies/schema."""
    assert (ROOT / "policies" / "schema" / f"{name}.json").read_text() == schema_text(name)


def test_the_committed_reference_is_up_to_date() -> None:
    """`python -m autoscaler.policy.reference` writes what is in docs/policies.md."""
    assert (ROOT / "docs" / "policies.md").read_text() == reference()


@pytest.mark.parametrize("name", MODELS)
def test_every_field_is_documented(name: str) -> None:
    """No field of a document or of the settings lacks a description."""
    described = schema(name)
    models = described["$defs"]
    for model in (described, *models.values()):
        for field, about in model.get("properties", {}).items():
            of_its_model = models.get(about.get("$ref", "").rpartition("/")[2], {})
            assert about.get("description") or of_its_model.get("description"), field


def test_defaults_of_durations_are_written_as_durations() -> None:
    """A schema's default is a value that its own pattern accepts."""
    stable = schema("scalingpolicy")["$defs"]["Windows"]["properties"]["stable"]
    assert (stable["type"], stable["default"]) == ("string", "1m")
