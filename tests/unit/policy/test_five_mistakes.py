"""A folder with several mistakes: each is named with file, line and path, and only its own document suffers."""

from autoscaler.policy.check import check
from autoscaler.policy.loading import load
from tests.unit.policy.texts import ACME, policy, tenant

FILES = {
    "a-tenants.yaml": ACME + "---\n" + tenant("umbrella", "umbrella-fn, acme-dev"),
    "b-typo.yaml": policy("typo", "acme-prod", "{replica: {min: 1}}"),
    "c-negative.yaml": policy("negative", "acme-prod", "{replicas: {min: -1}}"),
    "d-syntax.yaml": policy("fine", "acme-prod", "{}") + "---\nkind: [\n" + policy("fine-too", "acme-prod", "{}"),
    "e-cap.yaml": policy("cap", "acme-prod", "{concurrencyLimit: 20, concurrencyCap: 10}"),
    "f-nobody.yaml": policy("lost", "acme-prd", "{}"),
}


def test_every_mistake_is_named_with_file_line_and_path() -> None:
    """Six mistakes in six files give a problem each (the shared namespace one for each claimant), in order."""
    places = [(problem.file, problem.line, problem.path) for problem in check(None, FILES)]
    assert places == [
        ("a-tenants.yaml", 5, "spec.namespaces[1]"),
        ("a-tenants.yaml", 11, "spec.namespaces[1]"),
        ("b-typo.yaml", 5, "spec.replica"),
        ("c-negative.yaml", 5, "spec.replicas.min"),
        ("d-syntax.yaml", 8, ""),
        ("e-cap.yaml", 5, "spec.concurrencyCap"),
        ("f-nobody.yaml", 4, "metadata.namespace"),
    ]


def test_every_mistake_says_what_is_allowed() -> None:
    """No problem leaves the reader without what is wrong and what is allowed."""
    for problem in check(None, FILES):
        assert problem.wrong
        assert problem.allowed
        assert f"{problem.file}:{problem.line}" in str(problem)


def test_a_typo_names_the_field_that_was_meant() -> None:
    """A misspelt field is answered with the nearest one there is."""
    problems = {problem.file: problem for problem in check(None, FILES)}
    assert "did you mean replicas?" in problems["b-typo.yaml"].allowed
    assert "did you mean acme-prod?" in problems["f-nobody.yaml"].allowed


def test_a_broken_document_disables_itself_alone() -> None:
    """All documents without a mistake are in force, those before and after a syntax error included."""
    policies = load(FILES)
    assert set(policies.tenants) == {"acme", "umbrella"}
    assert {namespace: set(named) for namespace, named in policies.policies.items()} == {
        "acme-prod": {"fine", "fine-too"}
    }


def test_a_namespace_in_two_tenants_is_nobodys() -> None:
    """A contested namespace belongs to neither claimant, the others stay with theirs."""
    assert load(FILES).namespaces == {"acme-prod": "acme", "umbrella-fn": "umbrella"}


def test_a_policy_in_a_contested_namespace_is_told() -> None:
    """A policy whose namespace two tenants claim is not in force, and says so."""
    files = FILES | {"g.yaml": policy("dev", "acme-dev", "{}")}
    assert ("g.yaml", "metadata.namespace") in [(problem.file, problem.path) for problem in check(None, files)]
    assert "acme-dev" not in load(files).policies
