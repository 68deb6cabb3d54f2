"""One pass: what is there is compared with what every Tenant shall have, and the difference is written."""

import asyncio
import base64
import binascii
import hashlib
import math
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from autoscaler.policy.onboarding.credentials import RotationTimes, rotated
from autoscaler.policy.onboarding.kinds import (
    CREDENTIAL,
    OPTIONAL,
    OWNED,
    ROLE_BINDING,
    SECRET,
    TOKEN_KEY,
    Document,
    ObjectKind,
    is_as_wanted,
    owned_by,
    owner_of,
)
from autoscaler.policy.onboarding.rendering import credential, kind_of, namespace_objects, places_of
from autoscaler.policy.onboarding.site import Site
from autoscaler.policy.onboarding.tenants import TenantResource
from autoscaler.ports import Clock, OwnedError, OwnedObjects
from autoscaler.ports.owned import Object
from autoscaler.sync.pace import Pace
from autoscaler.sync.snapshot import Snapshot, read_snapshot

_AT_ONCE = 8
_FOREIGN = "is not of this process's making; allowed: to delete it, so that it is made anew"


class NoLonger(RuntimeError):
    """Another process may write by now."""


@dataclass(slots=True)
class Outcome:
    """What a pass did.

    Attributes:
        tenants: how many there are.
        written: objects made or changed.
        deleted: objects deleted.
        rotated: tokens made.
        problems: what did not come about, by place; such a thing is tried again.
        left: objects of others that stand where a tenant's would, by place; they stay as they are.
        missing: kinds that the cluster does not have, and which were left out.
        retry_after_s: seconds that the API server asked to wait; 0: it did not.
        marks: what was read of each Tenant, by its name.
    """

    tenants: int = 0
    written: int = 0
    deleted: int = 0
    rotated: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    retry_after_s: float = 0.0
    marks: dict[str, tuple[object, ...]] = field(default_factory=dict)


class Passing:
    """Makes passes.

    Args:
        objects: the cluster.
        site: what is the same for every tenant.
        times: how often tokens are replaced.
        clock: its UTC seconds say how old a token is.
        pace: of writes.
        new_token: draws a token; it must be impossible to guess.
        may_write: whether this process may still write; asked before every write.
    """

    def __init__(
        self,
        objects: OwnedObjects,
        site: Site,
        times: RotationTimes,
        clock: Clock,
        pace: Pace,
        new_token: Callable[[], str],
        may_write: Callable[[], bool],
    ) -> None:
        self._objects = objects
        self._site = site
        self._times = times
        self._clock = clock
        self._pace = pace
        self._new_token = new_token
        self._may_write = may_write
        self._unwritten: dict[str, str] = {}

    async def once(self) -> Outcome:
        """Make a pass. One tenant's trouble is its own.

        Raises:
            OwnedError: the cluster cannot be read.
            NoLonger: another process may write by now.
        """
        snapshot = await read_snapshot(self._objects)
        outcome = Outcome(tenants=len(snapshot.tenants))
        outcome.missing = tuple(sorted(kind.kind for kind in snapshot.missing & OPTIONAL))
        living = {tenant.uid for tenant in snapshot.tenants.values()}
        self._unwritten = {uid: token for uid, token in self._unwritten.items() if uid in living}
        unwanted = list(snapshot.unwanted(places_of(self._site)))
        await _side_by_side(partial(self._clear, outcome, snapshot, kind, document) for kind, document in unwanted)
        await _side_by_side(partial(self._tenant, outcome, snapshot, one) for one in snapshot.tenants.values())
        return outcome

    async def _clear(self, outcome: Outcome, snapshot: Snapshot, kind: ObjectKind, document: Object) -> None:
        """Delete one object that no Tenant is to have any more."""
        await self._guarded(outcome, _place(kind, document), self._remove(outcome, snapshot, kind, document))

    async def _tenant(self, outcome: Outcome, snapshot: Snapshot, tenant: TenantResource) -> None:
        """Bring one tenant about: its credential first, since its receiver names it."""
        outcome.marks[tenant.name] = tenant.mark
        await self._guarded(outcome, f"Tenant {tenant.name}", self._credential(outcome, snapshot, tenant))
        for namespace in snapshot.namespaces[tenant.name]:
            for document in namespace_objects(self._site, tenant.name, namespace):
                kind = kind_of(document, OWNED)
                if kind not in snapshot.missing:
                    wanted = owned_by(document, tenant.name, tenant.uid)
                    bringing = self._bring(outcome, snapshot, kind, wanted)
                    await self._guarded(outcome, _place(kind, wanted), bringing)

    async def _credential(self, outcome: Outcome, snapshot: Snapshot, tenant: TenantResource) -> None:
        """See to the tenant's token: its hash into the status first, the token into Secrets after it."""
        tokens: dict[str, str] = {}
        held: dict[str, str | None] = {}
        for namespace in snapshot.namespaces[tenant.name]:
            found = snapshot.found.get((CREDENTIAL, namespace, SECRET))
            if found is not None and owner_of(found) != tenant.uid:
                outcome.left[_place(CREDENTIAL, found)] = _FOREIGN
                continue
            token = _token_in(found)
            held[namespace] = None if token is None else _hashed(token)
            if token is not None:
                tokens[_hashed(token)] = token
        fresh, unwritten = self._new_token(), self._unwritten.get(tenant.uid, "")
        known = {_hashed(token): token for token in (fresh, unwritten) if token}
        tokens.update(known)
        now_s = float(math.floor(self._clock.now().utc_s))
        plan = rotated(tenant.entries, held, now_s, self._times, _hashed(fresh), known.keys())
        if plan.entries != tenant.entries:
            await self._turn()
            await self._objects.write_callers(tenant, plan.entries)
            outcome.marks[tenant.name] = replace(tenant, entries=plan.entries).mark
            outcome.rotated += plan.current == _hashed(fresh)
        if plan.current is None:
            return
        # Remembered until every Secret has it: a namespace that refuses its Secret must not cost a new token at every try.
        self._unwritten[tenant.uid] = tokens[plan.current]
        encoded = base64.b64encode(tokens[plan.current].encode()).decode()
        secrets = [credential(tenant.name, namespace, encoded) for namespace in held]
        for secret in secrets:
            wanted = owned_by(secret, tenant.name, tenant.uid)
            bringing = self._bring(outcome, snapshot, CREDENTIAL, wanted)
            await self._guarded(outcome, _place(CREDENTIAL, wanted), bringing)
        if not any(_place(CREDENTIAL, secret) in outcome.problems for secret in secrets):
            del self._unwritten[tenant.uid]

    async def _bring(self, outcome: Outcome, snapshot: Snapshot, kind: ObjectKind, wanted: Document) -> None:
        """Make one object as it is wanted, unless somebody else's stands in its place."""
        metadata = wanted["metadata"]
        found = snapshot.found.get((kind, metadata["namespace"], metadata["name"]))
        if found is not None and owner_of(found) != metadata["ownerReferences"][0]["uid"]:
            outcome.left[_place(kind, wanted)] = _FOREIGN
            return
        if found is not None and is_as_wanted(found, wanted):
            return
        if found is not None and kind == ROLE_BINDING and found.get("roleRef") != wanted["roleRef"]:
            await self._remove(outcome, snapshot, kind, found)  # what a RoleBinding binds to cannot be changed
            found = None
        await self._turn()
        await self._objects.apply(kind, wanted, found)
        outcome.written += 1

    async def _remove(self, outcome: Outcome, snapshot: Snapshot, kind: ObjectKind, document: Object) -> None:
        await self._turn()
        await self._objects.delete(kind, document)
        metadata = document["metadata"]
        snapshot.found.pop((kind, metadata["namespace"], metadata["name"]), None)
        outcome.deleted += 1

    async def _guarded(self, outcome: Outcome, place: str, doing: Coroutine[Any, Any, None]) -> None:
        """Do one thing; what goes wrong with it is remembered, and the rest goes on."""
        try:
            await doing
        except OwnedError as error:
            outcome.problems[place] = str(error)
            outcome.retry_after_s = max(outcome.retry_after_s, error.retry_after_s)
            self._pace.hold(error.retry_after_s)

    async def _turn(self) -> None:
        await self._pace.turn()
        if not self._may_write():
            raise NoLonger("another process holds the Lease")


async def _side_by_side(works: Iterable[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Do works, a few at a time; the first that fails ends the others."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with gate:
            await work()

    tasks = [asyncio.ensure_future(one(work)) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _place(kind: ObjectKind, document: Object) -> str:
    metadata = document["metadata"]
    return f"{kind.kind} {metadata['namespace']}/{metadata['name']}"


def _token_in(found: Object | None) -> str | None:
    """Read the token of a Secret; None: it has none that could be one."""
    data = (found or {}).get("data") or {}
    try:
        token = base64.b64decode(str(data.get(TOKEN_KEY) or ""), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return token or None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
