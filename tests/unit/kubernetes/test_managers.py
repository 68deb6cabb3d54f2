"""Who changed replicas: `managedFields` as kube-apiserver writes them in, a writer out."""

import pytest

from autoscaler.adapters.kubernetes.managers import NOBODY, Writer, fingerprint, writer_of_replicas

Entry = dict[str, object]


def entry(manager: str, operation: str = "Update", time: str | None = "2026-01-01T00:00:00Z", field: str = "") -> Entry:
    """Give an entry that owns `spec.replicas`, or another field of the spec; without a time: of a subresource."""
    found: Entry = {
        "manager": manager,
        "operation": operation,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {f"f:{field or 'replicas'}": {}}},
    }
    return found | ({"time": time} if time else {"subresource": "scale"})


@pytest.mark.parametrize(
    ("entries", "writer"),
    [
        ([entry("kubectl", time=None), entry("kubectl-client-side-apply", field="template")], Writer("kubectl")),
        ([entry("autoscaler", time=None)], Writer("autoscaler")),
        ([entry("kubectl", "Apply")], Writer("kubectl", is_manifest=True)),
        ([entry("kubectl-client-side-apply")], Writer("kubectl-client-side-apply", is_manifest=True)),
        ([entry("helm")], Writer("helm", is_manifest=True)),
        ([entry("kustomize-controller", "Apply")], Writer("kustomize-controller", is_manifest=True)),
        ([entry("argocd-controller")], Writer("argocd-controller")),
        ([entry("kubectl-edit", field="template")], NOBODY),
        ([], NOBODY),
    ],
)
def test_the_owner_of_replicas_is_who_wrote_them(entries: list[Entry], writer: Writer) -> None:
    """The entry that has `spec.replicas` names the writer; whoever describes whole objects is a manifest."""
    assert writer_of_replicas(entries) == writer


def test_what_one_of_ours_owns_too_is_ours() -> None:
    """A manifest that says the count that we wrote joins us as an owner, later; the value stays ours."""
    later = entry("kubectl", "Apply", time="2026-02-01T00:00:00Z")
    assert writer_of_replicas([later, entry("autoscaler", time=None)]).is_ours


def test_the_newest_of_several_owners_wins() -> None:
    """Of two manifests that say the same count, the later one is named."""
    first, second = (entry(name, "Apply", f"2026-0{month}-01T00:00:00Z") for name, month in (("a", 2), ("b", 1)))
    assert writer_of_replicas([second, first]).manager == "a"


@pytest.mark.parametrize(
    "garbled", [None, "text", {"manager": "x"}, [None], [{}], [{"fieldsV1": None}], [{"fieldsV1": {"f:spec": 3}}]]
)
def test_what_is_malformed_names_nobody(garbled: object) -> None:
    """An object without readable `managedFields` is read none the less."""
    assert writer_of_replicas(garbled) == NOBODY


def test_fingerprints_tell_templates_apart() -> None:
    """Another image is another fingerprint; the same template has the same one, and none has one too."""
    first, second = ({"spec": {"containers": [{"name": "f", "image": image}]}} for image in "ab")
    assert fingerprint(first) == fingerprint({"spec": {"containers": [{"name": "f", "image": "a"}]}})
    assert len({fingerprint(first), fingerprint(second), fingerprint(None)}) == 3
