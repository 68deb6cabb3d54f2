"""Tenants fall to shards, and stay there."""

import json
from pathlib import Path

import pytest

from autoscaler.policy.loading import load
from autoscaler.policy.shards import Shard, restricted, shard_of

VECTORS = Path(__file__).resolve().parents[2] / "golden" / "shards.json"


def tenant(name: str) -> str:
    return f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec: {{namespaces: [{name}-a, {name}-b], source: main}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {name}-a}}
spec: {{functions: {{names: ["*"]}}}}
"""


def test_every_version_agrees_on_the_shard_of_a_tenant() -> None:
    """The recorded tenants fall to the recorded shards: an older daemon beside a newer one shares nothing with it."""
    recorded = json.loads(VECTORS.read_text())
    assert len(recorded) >= 20
    for name, shards in recorded.items():
        assert {count: shard_of(name, int(count)) for count in shards} == shards


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_set_of_documents_is_split_without_rest(count: int) -> None:
    """Each tenant, with its namespaces and policies, is in exactly one of the shards."""
    names = [f"tenant-{number}" for number in range(40)]
    whole = load({f"{name}.yaml": tenant(name) for name in names})
    assert whole.problems == ()
    parts = [restricted(whole, Shard(number, count)) for number in range(count)]
    assert sorted(name for part in parts for name in part.tenants) == sorted(names)
    for part in parts:
        assert set(part.namespaces.values()) == set(part.tenants)
        assert set(part.policies) == {f"{name}-a" for name in part.tenants}
        assert all(shard_of(name, count) == parts.index(part) for name in part.tenants)


def test_problems_stay_with_every_shard() -> None:
    """What is wrong with any document is told by all: two tenants that claim one namespace may be of two shards."""
    both = tenant("acme") + "---\n" + tenant("acme").replace("name: acme}", "name: rival}")
    whole = load({"both.yaml": both})
    assert whole.problems != ()
    assert restricted(whole, Shard(0, 2)).problems == whole.problems


def test_a_shard_reads_and_names_itself() -> None:
    """`1/3` is the second of three; its Lease is named after it."""
    shard = Shard.parse("1/3")
    assert (shard.number, shard.count, str(shard)) == (1, 3, "1/3")
    assert shard.lease("autoscaler") == "autoscaler-1-of-3"
    assert shard.of("acme") == Shard(shard_of("acme", 3), 3)
    assert Shard(shard_of("acme", 3), 3).has("acme")
