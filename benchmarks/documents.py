"""`python -m benchmarks.documents`: one changed document among thousands, and documents that are made to be slow.

What a change costs is compared with reading all of 1,000 Tenants and 2,000 ScalingPolicies. The stall is that of the
event loop while a thread reads documents at every bound: as many wrong values, as many bytes and as deep as may be.
"""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import orjson

from autoscaler.adapters.kubernetes.pages import without_spec
from autoscaler.adapters.kubernetes.resources import ResourceCache, read_resource
from autoscaler.daemon.policies import Policies
from autoscaler.policy.documents import API_VERSION
from autoscaler.policy.loading import Given, Inputs, PolicySet, load
from autoscaler.policy.reading import MAX_VALUES
from autoscaler.policy.resources import MAX_BYTES, Identity, Resource
from benchmarks.report import Figure, at_most, main
from benchmarks.stall import BOUND_MS, Stall, longest_stall

TENANTS = 1_000
ROUNDS = 5
MOST_SHARE = 0.2
"""Of the time that reading everything takes: all that is unchanged is gone over, and nothing of it is read."""


def measure() -> Sequence[Figure]:
    """Change one policy several times; then let a tenant write whatever is slow to read."""
    all_s, change_s = _changes()
    stall = asyncio.run(_hostile())
    return [
        at_most("document_changed_share", change_s / all_s, "", MOST_SHARE),
        at_most("document_changed", change_s * 1_000, "ms", None),
        at_most("documents_all", all_s * 1_000, "ms", None),
        at_most("documents_stall", stall.busy_ms, "ms", BOUND_MS),
        at_most("documents_late", stall.late_ms, "ms", None),
    ]


def _changes() -> tuple[float, float]:
    """Give the seconds that reading everything takes, and reading it again after one change."""
    resources = {one.identity: one for number in range(TENANTS) for one in _tenant(number)}
    start = time.perf_counter()
    documents = load(Inputs(resources=resources), None, Given(("main",)))
    all_s, took = time.perf_counter() - start, list[float]()
    for round_ in range(ROUNDS):
        changed = _policy(f"t{TENANTS // 2}-a", {"replicas": {"max": 8 + round_}}, 2 + round_)
        resources = {**resources, changed.identity: changed}
        start = time.perf_counter()
        documents = load(Inputs(resources=resources), documents, Given(("main",)))
        took.append(time.perf_counter() - start)
        _expect(documents, changed.identity.namespace, 8 + round_)
    return all_s, min(took)


def _expect(documents: PolicySet, namespace: str, most: int) -> None:
    found = documents.policies[namespace]["default"].document.spec.replicas.max
    if found != most or documents.problems:
        raise RuntimeError(f"max is {found} in place of {most}; {documents.problems[:3]}")


async def _hostile() -> Stall:
    """Measure the loop while documents at every bound come in, as events of a watch and as a file."""
    with ThreadPoolExecutor(1) as load_in:
        policies, cache = Policies({}, Given(), load_in), ResourceCache(lambda: True)
        following = asyncio.create_task(policies.follow_resources(cache))

        async def write() -> None:
            for round_ in range(ROUNDS):
                for event in _events(round_):
                    resource, _ = read_resource(orjson.loads(without_spec(event, MAX_BYTES)), "ScalingPolicy")
                    cache.put(resource, 0, is_listed=True)
                    await asyncio.sleep(0)
                await policies.update({"hostile.yaml": _file(round_)})
                await cache.taken()

        stall = await longest_stall(write())
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        return stall


def _events(generation: int) -> list[bytes]:
    specs = {
        "wrong": {"functions": {"names": ["Wrong!"] * (MAX_VALUES - 10)}},
        "unknown": {f"field{number}": number for number in range(MAX_VALUES - 10)},
        "large": {"functions": {"names": ["x" * 200] * 1_200}},
        "huge": {"functions": {"names": ["y" * 200] * 6_000}},
    }
    return [
        orjson.dumps(
            {
                "apiVersion": API_VERSION,
                "kind": "ScalingPolicy",
                "metadata": {"generation": generation + 1, "name": name, "namespace": "hostile", "uid": name},
                "spec": spec,
            }
        )
        for name, spec in specs.items()
    ]


def _file(generation: int) -> str:
    """Give a file of a flat, a deep and an unfolding document."""
    flat = f"kind: ScalingPolicy\nspec:\n  g: {generation}\n" + "".join(f"  k{n}: [a, b]\n" for n in range(5_000))
    deep = "[" * 2_000 + "]" * 2_000
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    return "\n---\n".join((flat, deep, bomb))


def _tenant(number: int) -> list[Resource]:
    name = f"t{number}"
    budget = {"replicas": {"guarantee": 5, "cap": 100}}
    spec = {"namespaces": [f"{name}-a", f"{name}-b"], "budget": budget, "bounds": {"allowZero": True}}
    policies = [_policy(f"{name}-{letter}", {"replicas": {"max": 7}, "zero": {"after": "5m"}}, 1) for letter in "ab"]
    return [_resource(Identity("Tenant", "", name), spec, 1), *policies]


def _policy(namespace: str, spec: Mapping[str, object], generation: int) -> Resource:
    return _resource(Identity("ScalingPolicy", namespace, "default"), spec, generation)


def _resource(identity: Identity, spec: Mapping[str, object], generation: int) -> Resource:
    names = {"name": identity.name} | ({"namespace": identity.namespace} if identity.namespace else {})
    document = {"apiVersion": API_VERSION, "kind": identity.kind, "metadata": names, "spec": spec}
    return Resource(identity, f"uid of {identity}", generation, document)


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
