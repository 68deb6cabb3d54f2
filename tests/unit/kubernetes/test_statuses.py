"""Writes of statuses: which JSON Patch, to which path, and what the API server's answers mean."""

from typing import Any, cast

import pytest

from autoscaler.adapters.kubernetes.connection import Connection
from autoscaler.adapters.kubernetes.errors import ClusterError, Garbled, Refused, Unreachable
from autoscaler.adapters.kubernetes.statuses import KubernetesStatuses, status_patch
from autoscaler.policy.resources import Identity
from autoscaler.ports import StatusOutcome

TENANT = Identity("Tenant", "", "acme")
POLICY = Identity("ScalingPolicy", "acme-prod", "p")
TEST = {"op": "test", "path": "/metadata/uid", "value": "u"}


class Answering:
    """Stands for a connection: gives one answer, or raises it, and keeps what was asked."""

    def __init__(self, answer: dict[str, Any] | ClusterError) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, object, str]] = []

    async def send(self, method: str, path: str, timeout_s: float, body: object, media: str) -> dict[str, Any]:
        self.asked.append((method, path, body, media))
        if isinstance(self.answer, ClusterError):
            raise self.answer
        return self.answer


def writer(answering: Answering) -> KubernetesStatuses:
    return KubernetesStatuses(cast(Connection, answering), 5.0, lambda identity: {})


def test_fields_join_what_is_there() -> None:
    """Each field is a whole value of its own; what is to go is removed only where it is."""
    before = {"callers": [], "budget": {"asked": 1}}
    assert status_patch("u", before, {"reason": "InForce", "budget": None, "clipped": None}) == [
        TEST,
        {"op": "add", "path": "/status/reason", "value": "InForce"},
        {"op": "remove", "path": "/status/budget"},
    ]


def test_a_first_status_replaces_nobodys() -> None:
    """Where none is known of, that there is none is tested; nothing is removed from it."""
    assert status_patch("u", {}, {"reason": "InForce", "budget": None}) == [
        TEST,
        {"op": "test", "path": "/status", "value": None},
        {"op": "add", "path": "/status", "value": {"reason": "InForce"}},
    ]


@pytest.mark.parametrize(
    ("identity", "path"),
    [(TENANT, "tenants/acme/status"), (POLICY, "namespaces/acme-prod/scalingpolicies/p/status")],
)
async def test_only_the_status_is_written(identity: Identity, path: str) -> None:
    """The subresource of the kind is patched, and the answer's status is given back."""
    answering = Answering({"status": {"reason": "InForce"}})
    result = await writer(answering).write(identity, "u", {}, {"reason": "InForce"})
    assert (result.outcome, result.status) == (StatusOutcome.DONE, {"reason": "InForce"})
    ((method, asked, _, media),) = answering.asked
    assert (method, asked) == ("PATCH", f"/apis/autoscaler.faas.dev/v1alpha1/{path}")
    assert media == "application/json-patch+json"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Refused(404, {"message": "not found"}), StatusOutcome.LOST),
        (Refused(409, {"message": "conflict"}), StatusOutcome.LOST),
        (Refused(422, {"message": "the server rejected our request"}), StatusOutcome.LOST),
        (Refused(422, {"message": "invalid", "details": {"causes": [{"field": "status"}]}}), StatusOutcome.INVALID),
        (Refused(400, {"message": "bad"}), StatusOutcome.INVALID),
        (Refused(403, {"message": "forbidden"}), StatusOutcome.FORBIDDEN),
        (Refused(401, {"message": "who"}), StatusOutcome.RETRY),
        (Refused(429, {"message": "later"}, 7.0), StatusOutcome.RETRY),
        (Refused(503, {"message": "away"}), StatusOutcome.RETRY),
        (Unreachable("no connection"), StatusOutcome.RETRY),
        (Garbled("no JSON"), StatusOutcome.RETRY),
    ],
)
async def test_what_an_answer_means(answer: ClusterError, outcome: StatusOutcome) -> None:
    """What passes is tried later, what somebody must mend is told apart from an object that is another one."""
    result = await writer(Answering(answer)).write(POLICY, "u", {"reason": "x"}, {"reason": "y"})
    assert (result.outcome, result.status) == (outcome, None)
    if isinstance(answer, Refused):
        assert result.retry_after_s == (answer.retry_after_s if outcome is StatusOutcome.RETRY else None)


async def test_an_answer_without_a_status_is_an_empty_one() -> None:
    """A definition without the subresource's schema gives nothing back, and that is no failure."""
    result = await writer(Answering({})).write(POLICY, "u", {}, {"reason": "y"})
    assert (result.outcome, result.status) == (StatusOutcome.DONE, {})
