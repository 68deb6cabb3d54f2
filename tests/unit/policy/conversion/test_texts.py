"""Texts of all sorts: several documents, Lists, what is no object at all; and what is written out of them."""

import pytest

from autoscaler.policy.check import check
from autoscaler.policy.conversion import Wanted, convert
from autoscaler.policy.conversion.rendering import tenant, text
from autoscaler.policy.parsing import MAX_DOCUMENT, read_documents
from tests.unit.policy.conversion.given import converted


def scaled(name: str, indent: str = "", item: str = "") -> str:
    lines = f"""\
{item}apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: {name}, namespace: shop}}
spec:
  odd: 1
  scaleTargetRef: {{name: {name}}}
  triggers: [{{type: prometheus, metadata: {{query: jobs_waiting, threshold: "5"}}}}]
""".splitlines()
    return "".join(f"{indent if number else ''}{line}\n" for number, line in enumerate(lines))


def test_several_documents_and_lists_keep_their_lines() -> None:
    """Each object of a file, in a List of `kubectl get` or by itself, is named by its own line and path."""
    listed = "apiVersion: v1\nkind: List\nitems:\n" + scaled("b", "  ", "- ") + scaled("c", "  ", "- ")
    found = converted(scaled("a") + "---\n" + listed)
    assert [(made.source, made.line) for made in found.made] == [
        ("ScaledObject shop/a", 1),
        ("ScaledObject shop/b", 12),
        ("ScaledObject shop/c", 19),
    ]
    named = [(remark.line, remark.path) for remark in found.remarks if not remark.is_carried]
    assert named == [(5, "spec.odd"), (16, "spec.odd"), (23, "spec.odd")]


def test_one_broken_document_spoils_no_other() -> None:
    """It has its line; the others are converted."""
    found = converted(scaled("a") + "---\na: [\n---\n" + scaled("b"))
    assert [made.key[1] for made in found.made] == ["a", "b"]
    (problem,) = found.problems
    assert problem.line in (9, 10)


def test_one_object_that_cannot_be_read_spoils_no_other() -> None:
    """A problem in one trigger is that object's alone."""
    found = converted(scaled("a").replace('"5"', "many") + "---\n" + scaled("b"))
    assert [made.key[1] for made in found.made] == ["b"]
    assert [(problem.line, problem.path) for problem in found.problems] == [(7, "spec.triggers[0].metadata.threshold")]


@pytest.mark.parametrize(
    ("given", "line", "path"),
    [
        ("", 1, ""),
        ("# nothing\n", 1, ""),
        ("- a\n", 1, ""),
        ("7\n", 1, ""),
        ("a: b\n", 1, "kind"),
        ("kind: [a]\n", 1, "kind"),
        ("a: 1\na: 2\nkind: ScaledObject\n", 2, "a"),
        ("\0", 1, ""),
        ("a: &a [*a]\n", 1, "kind"),
    ],
)
def test_what_is_no_object_is_a_problem(given: str, line: int, path: str) -> None:
    """It has its line, and says what is allowed."""
    found = converted(given)
    assert found.made == ()
    assert (line, path) in [(problem.line, problem.path) for problem in found.problems]
    assert all(problem.allowed for problem in found.problems)


@pytest.mark.parametrize("kind", ["ConfigMap", "ScaledJob", "HTTPScaledObject", "Service"])
def test_other_kinds_are_named(kind: str) -> None:
    """Whatever else `kubectl get all` gives is named once, and is no problem."""
    found = converted(f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: x, namespace: shop}}\n---\n" + scaled("a"))
    assert len(found.made) == 1
    assert found.problems == ()
    assert next(remark.path for remark in found.remarks) == f"{kind} shop/x"


def test_a_list_larger_than_a_document_of_ours_is_read() -> None:
    """What `kubectl get deployments -A -o yaml` prints is larger than any policy."""
    label = "x" * 4000
    items = "".join(
        f"- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {{name: f{number}, namespace: shop}}\n"
        f"  spec: {{template: {{metadata: {{labels: {{faas_function: f, big: {label}}}}}}}}}\n"
        for number in range(80)
    )
    given = "apiVersion: v1\nkind: List\nitems:\n" + items
    assert len(given) > MAX_DOCUMENT
    assert read_documents("a", given)[0].value is None
    assert len(convert({"a": given}, Wanted()).made) == 80


def test_comments_say_where_a_policy_came_from_and_what_is_left_behind() -> None:
    """They stand before each document, and are comments whatever an object is called."""
    found = converted(scaled("a").replace("odd", '"o\\u0085dd: x"'))
    written = text(found, None)
    (document,) = read_documents("a", written)
    assert document.value == found.made[0].document
    assert "From ScaledObject shop/a, given.yaml:1" in written
    assert "not carried: spec.'o\\x85dd: x' (line 5)" in written


def test_policies_may_be_written_to_act_at_once() -> None:
    """Without the dry run they scale as soon as they are applied."""
    (made,) = convert({"a": scaled("a")}, Wanted(is_dry_run=False)).made
    assert "dryRun" not in made.document["spec"]


def test_a_tenant_has_room_for_what_was_converted() -> None:
    """Its namespaces, zero where a policy goes there, and as many queries as there are."""
    many = "---\n".join(scaled(f"f{number}").replace("jobs_waiting", f"jobs_{number}") for number in range(21))
    found = convert({"a": many}, Wanted())
    assert tenant("acme", found)["spec"] == {
        "namespaces": ["shop"],
        "bounds": {"allowZero": True, "maxQueries": 21},
    }
    assert check(None, {"a.yaml": text(found, "acme")}) == []
