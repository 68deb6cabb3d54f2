"""What each answer to a question about the Lease means, over a real connection."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.adapters.kubernetes.lease import KubernetesLease, open_lease
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import LeaseConflict, LeaseRecord, LeaseUnavailable
from tests.integration.kubernetes.conftest import write_kubeconfig
from tests.integration.kubernetes.fakeapi import CUT, HANG, Answer, Document, FakeApi, Script, Step, event, refusal

OURS = LeaseRecord("me_1", "10.0.0.1:8080", 8.0, 2, "7")


def document(version: int, holder: str = "me_1", **spec: object) -> Document:
    metadata = {"name": "l", "resourceVersion": str(version), "annotations": {"autoscaler.faas.dev/address": "a:1"}}
    return {"metadata": metadata, "spec": {"holderIdentity": holder, "leaseDurationSeconds": 8, **spec}}


@pytest.fixture
async def lease(api: FakeApi, settings: KubernetesSettings) -> AsyncIterator[KubernetesLease]:
    async with open_lease(settings, "ns", "l", timeout_s=0.3, silence_s=0.5, utc=lambda: 1_800_000_000.25) as one:
        yield one


def answering(api: FakeApi, *answers: Answer) -> None:
    """Let requests for the Lease, and for making it, be answered with these, the last one again and again."""
    api.kinds["l"] = api.kinds["leases"] = Script(deque(answers), api.kinds["leases"].watches)


def watching(api: FakeApi, *scripts: Answer | Sequence[Step]) -> None:
    api.kinds["leases"].watches.extend(scripts)


async def test_a_renewal_is_a_whole_object_of_the_version_that_was_read(api: FakeApi, lease: KubernetesLease) -> None:
    """One PUT goes out: the version that guards it, the times as the API server writes them, whole seconds rounded up."""
    answering(api, Answer(200, document(7, acquireTime="2026-01-01T00:00:00.000000Z")), Answer(200, document(8)))
    read = await lease.read()
    assert read is not None
    assert (await lease.write(replace(read, duration_s=7.2, transitions=3))).version == "8"
    asked = api.asked[-1]
    assert (asked.method, asked.path) == ("PUT", "/apis/coordination.k8s.io/v1/namespaces/ns/leases/l")
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.body["metadata"]["resourceVersion"] == "7"
    assert asked.body["spec"] == {
        "holderIdentity": "me_1",
        "leaseDurationSeconds": 8,
        "leaseTransitions": 3,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2027-01-15T08:00:00.250000Z",
    }


@pytest.mark.parametrize("status", [404, 409])
async def test_a_lease_that_changed_meanwhile_is_a_conflict(api: FakeApi, lease: KubernetesLease, status: int) -> None:
    """Another version, or none any more: look again."""
    answering(api, Answer(status, refusal(status)))
    with pytest.raises(LeaseConflict):
        await lease.write(OURS)


@pytest.mark.parametrize("status", [400, 403, 422, 429, 500, 503])
async def test_a_refusal_is_told_in_words(api: FakeApi, lease: KubernetesLease, status: int) -> None:
    """Whatever else the API server answers, the Lease is unavailable, and its words say why."""
    answering(api, Answer(status, refusal(status, "because of this")))
    with pytest.raises(LeaseUnavailable, match="because of this"):
        await lease.read()
    with pytest.raises(LeaseUnavailable, match="because of this"):
        await lease.write(OURS)


async def test_a_missing_namespace_is_no_conflict(api: FakeApi, lease: KubernetesLease) -> None:
    """A Lease that cannot be made because its namespace is not there is unavailable, and that is said."""
    answering(api, Answer(404, refusal(404, 'namespaces "ns" not found')))
    with pytest.raises(LeaseUnavailable, match='namespaces "ns" not found'):
        await lease.write(replace(OURS, version=""))


async def test_no_answer_is_unavailable(api: FakeApi, lease: KubernetesLease) -> None:
    """A question that nobody answers ends at its deadline."""
    answering(api, Answer(is_hanging=True))
    with pytest.raises(LeaseUnavailable):
        await lease.read()


@pytest.mark.parametrize("body", [{}, {"metadata": "none"}, {"metadata": {"resourceVersion": ""}}])
async def test_what_is_no_lease_is_unavailable(api: FakeApi, lease: KubernetesLease, body: Document) -> None:
    """An answer that is no Lease is never read as one that nobody holds."""
    answering(api, Answer(200, body))
    with pytest.raises(LeaseUnavailable):
        await lease.read()


async def test_a_lease_made_by_hand_lacks_most(api: FakeApi, lease: KubernetesLease) -> None:
    """An empty Lease names nobody, no duration, and no transitions."""
    answering(api, Answer(200, {"metadata": {"resourceVersion": "3"}}))
    assert await lease.read() == LeaseRecord("", "", 0.0, 0, "3")


async def test_a_refused_token_is_read_again(api: FakeApi, lease: KubernetesLease, tmp_path: Path) -> None:
    """After a 401 the credentials are read anew, so that the next try has a rotated token."""
    answering(api, Answer(200, document(7)))
    api.allows = lambda asked: asked.headers["Authorization"] == "Bearer second"
    write_kubeconfig(tmp_path / "kubeconfig", api.url, token="second")
    with pytest.raises(LeaseUnavailable):
        await lease.read()
    assert await lease.read() is not None


async def test_changes_come_as_they_are_told(api: FakeApi, lease: KubernetesLease) -> None:
    """A watch from the version that was read gives each change, None for a deletion; a closed one ends it."""
    watching(api, [event("MODIFIED", document(8, "other")), event("DELETED", document(9))])
    told = [record async for record in lease.follow(OURS)]
    assert [record.holder if record is not None else None for record in told] == ["other", None]
    (asked,) = (asked for asked in api.asked if asked.is_watch)
    assert asked.query["resourceVersion"] == "7"
    assert asked.query["fieldSelector"] == "metadata.name=l"


async def test_a_version_that_is_too_old_ends_the_watch(api: FakeApi, lease: KubernetesLease) -> None:
    """410, as status or as event, is no trouble: whoever follows reads anew."""
    watching(api, Answer(410, refusal(410)), [event("ERROR", refusal(410))])
    assert [record async for record in lease.follow(OURS)] == []
    assert [record async for record in lease.follow(OURS)] == []


@pytest.mark.parametrize("last", [HANG, CUT, b"no json\n"], ids=["silent", "cut", "garbled"])
async def test_a_watch_that_breaks_is_unavailable(api: FakeApi, lease: KubernetesLease, last: Step) -> None:
    """A watch that falls silent for longer than a holder may, breaks or babbles is given up, and that is said."""
    watching(api, [event("MODIFIED", document(8)), last])
    following = lease.follow(OURS)
    assert await anext(following) is not None
    with pytest.raises(LeaseUnavailable):
        await anext(following)
