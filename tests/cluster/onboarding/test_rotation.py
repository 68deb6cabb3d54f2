"""Credentials that rotate, on a clock that is moved, with crashes in between."""

from collections.abc import Sequence
from typing import Any

import pytest

from autoscaler.policy.onboarding.credentials import Entry, RotationTimes
from autoscaler.policy.onboarding.kinds import CREDENTIAL, ObjectKind
from autoscaler.policy.onboarding.tenants import TenantResource
from autoscaler.ports import OwnedObjects, OwnedUnavailable
from tests.cluster.onboarding.site import DAY_S, Onboarded, hashed

pytestmark = pytest.mark.server

TIMES = RotationTimes(rotate_s=30 * DAY_S, overlap_s=3600.0)


class Crash(Exception):
    """Stands for the end of the process."""


class Crashing:
    """A cluster before which the process ends, at the write that is named."""

    def __init__(self, real: OwnedObjects, before: str) -> None:
        self._real = real
        self._before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def write_callers(self, tenant: TenantResource, entries: Sequence[Entry]) -> None:
        if self._before == "status":
            raise Crash
        await self._real.write_callers(tenant, entries)

    async def apply(self, kind: ObjectKind, document: Any, found: Any) -> None:
        if self._before == f"{kind.kind} {document['metadata']['namespace']}":
            raise Crash
        await self._real.apply(kind, document, found)


async def test_a_token_is_replaced_at_its_age(onboarded: Onboarded) -> None:
    """After `rotate` there is a new token; the old one is valid for `overlap` beside it, and then no more."""
    tenant = onboarded.tenant("rotates-a", "rotates-b")
    await onboarded.one_pass(TIMES)
    old = onboarded.token("rotates-a")
    onboarded.clock.now_s += 30 * DAY_S - 60
    await onboarded.one_pass(TIMES)
    assert onboarded.token("rotates-a") == old
    onboarded.clock.now_s += 60
    await onboarded.one_pass(TIMES)
    new = onboarded.token("rotates-a")
    assert new == onboarded.token("rotates-b") != old
    assert onboarded.valid(tenant) == {hashed(old), hashed(new)}
    await onboarded.one_pass(TIMES)
    onboarded.clock.now_s += 3600
    await onboarded.one_pass(TIMES)
    assert onboarded.token("rotates-a") == new
    assert onboarded.valid(tenant) == {hashed(new)}


@pytest.mark.parametrize("before", ["status", "Secret crash-a", "Secret crash-b"])
async def test_a_crash_locks_nobody_out(onboarded: Onboarded, before: str) -> None:
    """Wherever it ends, every token in a Secret is valid then and after the next pass, and hashes do not pile up."""
    tenant = onboarded.tenant("crash-a", "crash-b")
    await onboarded.one_pass(TIMES)
    onboarded.clock.now_s += 31 * DAY_S
    for _ in range(3):
        with pytest.raises(Crash):
            await onboarded.one_pass(TIMES, around=lambda real: Crashing(real, before))
        for namespace in ("crash-a", "crash-b"):
            assert hashed(onboarded.token(namespace)) in onboarded.valid(tenant)
        onboarded.clock.now_s += 4 * 3600
    await onboarded.one_pass(TIMES)
    assert onboarded.token("crash-a") == onboarded.token("crash-b")
    assert hashed(onboarded.token("crash-a")) in onboarded.valid(tenant)
    await onboarded.one_pass(TIMES)
    onboarded.clock.now_s += 3600
    await onboarded.one_pass(TIMES)
    assert onboarded.valid(tenant) == {hashed(onboarded.token("crash-a"))}
    onboarded.delete_tenant(tenant)
    await onboarded.one_pass(TIMES)


async def test_the_daemons_own_status_stays(onboarded: Onboarded) -> None:
    """A rotation leaves what the daemon wrote into the status, though both write at the same time."""
    tenant = onboarded.tenant("shared")
    status = {"observedGeneration": 1, "namespaces": ["shared"], "functions": 7}
    onboarded.change_tenant(tenant, {"status": status}, "/status")

    class Interfering(Crashing):
        async def write_callers(self, one: TenantResource, entries: Sequence[Entry]) -> None:
            onboarded.change_tenant(tenant, {"status": {"functions": 8}}, "/status")
            await super().write_callers(one, entries)

    await onboarded.one_pass(TIMES, around=lambda real: Interfering(real, "nothing"))
    found = onboarded.read_tenant(tenant)["status"]
    assert found["functions"] == 8
    assert found["namespaces"] == ["shared"]
    assert onboarded.valid(tenant) == {hashed(onboarded.token("shared"))}


async def test_a_second_writer_of_credentials_is_noticed(onboarded: Onboarded) -> None:
    """Where `status.callers` is another than was read, it is left as it is, no Secret is touched, and that is said."""
    tenant = onboarded.tenant("written")
    callers = [{"tokenSHA256": "a" * 64, "since": "2026-01-01T00:00:00Z"}]

    class Overtaking(Crashing):
        async def write_callers(self, one: TenantResource, entries: Sequence[Entry]) -> None:
            if one.name == tenant:
                onboarded.change_tenant(tenant, {"status": {"callers": callers}}, "/status")
            await super().write_callers(one, entries)

    outcome = await onboarded.one_pass(TIMES, around=lambda real: Overtaking(real, "nothing"))
    assert f"Tenant {tenant}" in outcome.problems
    assert onboarded.valid(tenant) == {"a" * 64}
    assert onboarded.token("written") is None
    assert (await onboarded.one_pass(TIMES)).problems == {}


async def test_secrets_that_cannot_be_read_rotate_nothing(onboarded: Onboarded) -> None:
    """While the list of Secrets fails nothing is concluded from it: no token is made, no hash taken away."""
    tenant = onboarded.tenant("unread")
    await onboarded.one_pass(TIMES)
    before, token = onboarded.valid(tenant), onboarded.token("unread")

    class Unreadable(Crashing):
        async def named(self, kind: ObjectKind, name: str) -> Any:
            if kind == CREDENTIAL:
                raise OwnedUnavailable("no answer")
            return await self._real.named(kind, name)

    onboarded.clock.now_s += 31 * DAY_S
    with pytest.raises(OwnedUnavailable):
        await onboarded.one_pass(TIMES, around=lambda real: Unreadable(real, "nothing"))
    assert (onboarded.valid(tenant), onboarded.token("unread")) == (before, token)
