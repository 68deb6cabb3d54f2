"""The documents in force: what is taken, when, and what is said of it."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from autoscaler.adapters.kubernetes.resources import ResourceCache
from autoscaler.daemon.policies import MOST_SAID, Policies
from autoscaler.policy.loading import Given, PolicySet
from tests.unit.daemon.fakes import Inline
from tests.unit.policy.custom import POLICY, TENANT, acme, resource
from tests.unit.policy.texts import ACME, policy

FILES = {"t.yaml": ACME}


async def test_nothing_is_taken_before_everything_was_listed() -> None:
    """What was heard of before the lists are whole waits: half of the documents would be taken for all."""
    is_listed = False
    cache, policies = ResourceCache(lambda: is_listed), Policies({}, Given(), Inline())
    following = asyncio.ensure_future(policies.follow_resources(cache))
    cache.put(acme(), 1, is_listed=True)
    await asyncio.sleep(0)
    assert (policies.current.tenants, cache.is_taken()) == ({}, False)
    is_listed = True
    cache.look_again()
    await cache.taken()
    assert (set(policies.current.tenants), cache.is_taken()) == ({"acme"}, True)
    following.cancel()


async def test_files_and_resources_that_change_together_are_both_taken() -> None:
    """A folder and a resource that change while documents are read end in one state with both."""
    with ThreadPoolExecutor(1) as load_in:
        cache, policies = ResourceCache(lambda: True), Policies({}, Given(), load_in)
        following = asyncio.ensure_future(policies.follow_resources(cache))
        for number in range(5):
            cache.put(resource(POLICY, {"replicas": {"max": number}}, number), number, is_listed=False)
            text = policy("f", "acme-prod", f"{{functions: {{names: [f{number}]}}}}")
            await policies.update({**FILES, "p.yaml": text})
        await cache.taken()
        found = policies.current.policies["acme-prod"]
        assert found["p"].document.spec.replicas.max == 4
        assert found["f"].document.spec.functions.names == ["f4"]
        following.cancel()


async def test_a_change_that_is_undone_while_it_is_read_does_not_stay() -> None:
    """The folder as it was before counts too where another state of it is being read."""
    with ThreadPoolExecutor(1) as load_in:
        policies = Policies(FILES, Given(), load_in)
        changing = asyncio.ensure_future(policies.update({}))
        await asyncio.sleep(0)
        await policies.update(FILES)
        await changing
        assert set(policies.current.tenants) == {"acme"}


async def test_a_status_is_no_new_version() -> None:
    """What only the status of a resource says wakes nobody who reads documents, and is there for who writes it."""
    cache = ResourceCache(lambda: True)
    cache.put(acme(), 1, is_listed=True)
    version = cache.snapshot().version
    cache.put(resource(TENANT, {}, status={"reason": "InForce"}, uid="uid of Tenant acme"), 2, is_listed=False)
    assert cache.snapshot().version == version
    assert cache.status(TENANT) == {"reason": "InForce"}
    cache.put(resource(TENANT, {}, 2), 3, is_listed=False)
    cache.put(resource(TENANT, {}, 1), 2, is_listed=False)
    assert cache.snapshot().version == version + 1
    assert cache.snapshot().resources[TENANT].generation == 2


async def test_what_waits_for_documents_waits_for_those_of_now() -> None:
    """`taken` ends once a version that is no older than now's is in force, and not with the one before."""
    cache = ResourceCache(lambda: True)
    cache.put(acme(), 1, is_listed=True)
    old = cache.snapshot().version
    cache.put_labels("one", {"team": "a"})
    waiting = asyncio.ensure_future(cache.taken())
    cache.took(old)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    cache.took(cache.snapshot().version)
    await waiting


async def test_a_slow_document_stops_nobody_else() -> None:
    """While a document is read the loop goes on and the former documents are in force; then the new ones are."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
            def slowly():  # type: ignore[no-untyped-def]
                begun.set()
                go_on.wait(30)
                return fn(*args, **kwargs)

            return super().submit(slowly)

    with Slow(1) as load_in:
        policies = Policies(FILES, Given(), load_in)
        before = policies.current
        updating = asyncio.ensure_future(policies.update({}))
        await asyncio.to_thread(begun.wait, 30)
        assert policies.current is before
        assert policies.has("acme", "acme-prod")
        go_on.set()
        await updating
        assert not policies.has("acme", "acme-prod")


async def test_a_problem_is_logged_once_however_often_others_change() -> None:
    """Another document's change says nothing again; a problem that comes back is said again, and a flood is cut."""
    broken = policy("broken", "acme-prod", "{replicas: {max: x}}")
    with capture_logs() as logs:
        policies = Policies({**FILES, "p.yaml": broken}, Given(), Inline())
        for number in range(3):
            await policies.update({**FILES, "p.yaml": broken, "q.yaml": "# " + "x" * number})
    assert [entry["event"] for entry in logs].count("policy problem") == 1
    many = "".join(policy(f"p{number}", "acme-prod", "{replicas: {max: x}}") for number in range(MOST_SAID + 7))
    with capture_logs() as logs:
        await policies.update({**FILES, "p.yaml": many})
    events = [entry["event"] for entry in logs]
    assert (events.count("policy problem"), events.count("more policy problems")) == (MOST_SAID, 1)


@pytest.mark.parametrize("count", [1, 3])
async def test_listeners_hear_of_every_state(count: int) -> None:
    """Who subscribed is called at once and with each new state, so that watches follow the namespaces there are."""
    policies, seen = Policies({}, Given(), Inline()), list[PolicySet]()
    policies.subscribe(seen.append)
    for number in range(count):
        await policies.update({"t.yaml": ACME + "# " + "x" * number})
    assert len(seen) == count + 1
    assert seen[-1] is policies.current
