"""The cache: events in, catalog and columns out."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.adapters.kubernetes.cache import DeploymentCache
from autoscaler.adapters.kubernetes.deployments import Reading
from autoscaler.adapters.kubernetes.obstacles import Progress
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.deployment import Deployed
from tests.contract.cluster import fleet_of

F, G = FunctionKey("ns", "f"), FunctionKey("ns", "g")


def reading(
    version: int, requested: int = 1, ready: int = 0, key: FunctionKey = F, uid: str = "u", **labels: str
) -> Reading:
    return Reading(Deployed(key, uid, labels, {}), requested, ready, version)


@pytest.fixture
def cache() -> DeploymentCache:
    return DeploymentCache()


def obstacles(cache: DeploymentCache) -> list[int]:
    return cache.replicas(fleet_of(F, G)).obstacle.tolist()


def counts(cache: DeploymentCache) -> tuple[float, float]:
    columns = cache.replicas(fleet_of(F))
    return float(columns.requested[0]), float(columns.ready[0])


def test_columns_follow_events_of_the_last_fleet(cache: DeploymentCache) -> None:
    """Columns of a fleet follow its functions in its order, hold 0 for what is gone, and ignore others."""
    fleet = fleet_of(F, G)
    cache.put(reading(1, 2, 1, key=G))
    assert cache.replicas(fleet).requested.tolist() == [0, 2]
    cache.put(reading(2, 5, 4, key=F))
    cache.put(reading(3, 9, 9, key=FunctionKey("ns", "other")))
    cache.remove(G)
    columns = cache.replicas(fleet)
    assert (columns.requested.tolist(), columns.ready.tolist()) == ([5, 0], [4, 0])


def test_columns_given_away_do_not_change(cache: DeploymentCache) -> None:
    """Columns that a step works on stay as they were when events arrive."""
    fleet = fleet_of(F)
    cache.put(reading(1, 2))
    before = cache.replicas(fleet)
    cache.put(reading(2, 7))
    assert before.requested.tolist() == [2]
    assert before.requested.dtype == np.float64


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        (reading(2, 9, 9), False),
        (reading(2, uid="v"), True),
        (reading(2, team="a"), True),
        (reading(2, key=G), True),
        (reading(1), False),
    ],
)
def test_the_catalog_moves_with_identity_and_labels_only(cache: DeploymentCache, change: Reading, moves: bool) -> None:
    """The catalog's version moves with set, uid and labels, never with replicas or a repetition."""
    cache.put(reading(1))
    catalog = cache.catalog()
    cache.put(change)
    assert (cache.catalog().version != catalog.version) is moves
    assert (cache.catalog() is not catalog) is moves


def test_a_removed_deployment_leaves_the_catalog(cache: DeploymentCache) -> None:
    """Removing moves the version once; removing what is not there changes nothing."""
    cache.put(reading(1))
    versions = {cache.catalog().version}
    cache.remove(F)
    versions.add(cache.catalog().version)
    cache.remove(F)
    versions.add(cache.catalog().version)
    assert len(versions) == 2
    assert cache.catalog().deployed == ()


def test_our_write_outlives_older_news_but_not_newer(cache: DeploymentCache) -> None:
    """Events from before our write bring its ready count, not the old request; later ones bring both."""
    cache.put(reading(10, 1, 1))
    cache.note_scale(F, "u", 5, 12)
    assert counts(cache) == (5, 1)
    cache.put(reading(11, 1, 2))
    assert counts(cache) == (5, 2)
    cache.put(reading(12, 5, 2))
    cache.put(reading(13, 3, 2))
    assert counts(cache) == (3, 2)


@pytest.mark.parametrize(("uid", "version"), [("other", 20), ("u", 9)])
def test_a_scale_of_another_object_or_time_is_ignored(cache: DeploymentCache, uid: str, version: int) -> None:
    """A scale read from another uid, or older than what is known, changes nothing."""
    cache.put(reading(10, 1))
    cache.note_scale(F, uid, 5, version)
    assert counts(cache) == (1, 0)


def test_a_list_is_believed_whatever_its_version(cache: DeploymentCache) -> None:
    """After a restore of etcd versions go back; a list still replaces what is held."""
    cache.put(reading(100, 9))
    cache.note_scale(F, "u", 8, 101)
    cache.put(reading(7, 2), is_listed=True)
    assert counts(cache) == (2, 0)
    cache.put(reading(8, 3))
    assert counts(cache) == (3, 0)


def test_versions_that_cannot_be_compared_are_taken_in_order(cache: DeploymentCache) -> None:
    """Where versions are no numbers every event counts."""
    cache.put(reading(0, 1))
    cache.put(reading(0, 2))
    assert counts(cache) == (2, 0)


def test_listeners_hear_each_change_once(cache: DeploymentCache) -> None:
    """A listener hears what changed, nothing for a repetition, and 0, 0 for a deletion."""
    heard: list[tuple[FunctionKey, int, int]] = []
    cache.subscribe(lambda key, requested, ready: heard.append((key, requested, ready)))
    cache.put(reading(1, 2))
    cache.put(reading(1, 2))
    cache.put(reading(2, 2, 1))
    cache.note_scale(F, "u", 2, 3)
    cache.note_scale(F, "u", 4, 4)
    cache.remove(F)
    assert heard == [(F, 2, 0), (F, 2, 1), (F, 4, 1), (F, 0, 0)]


def test_obstacles_follow_events_and_writes(cache: DeploymentCache) -> None:
    """What is missing after our write has an obstacle at once, and none when it is ready or asked for no more."""
    fleet = fleet_of(F, G)
    seen = []
    cache.put(reading(1, 1, 1))
    assert cache.replicas(fleet).obstacle.dtype == np.uint8
    cache.note_scale(F, "u", 3, 2)
    seen.append(cache.replicas(fleet).obstacle[0])
    cache.put(replace(reading(3, 3, 1), progress=Progress(is_refused=True)))
    seen.append(cache.replicas(fleet).obstacle[0])
    cache.put(replace(reading(4, 3, 3), progress=Progress(is_rolling=True)))
    seen.append(cache.replicas(fleet).obstacle[0])
    cache.put(reading(5, 3, 3))
    seen.append(cache.replicas(fleet).obstacle[0])
    assert seen == [Obstacle.NOT_READY, Obstacle.QUOTA_EXCEEDED, Obstacle.ROLLOUT, Obstacle.NONE]
    assert obstacles(cache) == [Obstacle.NONE, Obstacle.NONE]


def test_pods_without_a_node_may_be_known_before_their_deployment(cache: DeploymentCache) -> None:
    """What is known of pods counts when their Deployment comes, leaves others alone, and ends with the last pod."""
    cache.note_unschedulable(F, True)
    assert obstacles(cache) == [Obstacle.NONE, Obstacle.NONE]
    cache.put(reading(1, 2, 1))
    cache.put(reading(2, 2, 1, key=G))
    fleet = fleet_of(F, G)
    assert cache.replicas(fleet).obstacle.tolist() == [Obstacle.NOT_SCHEDULABLE, Obstacle.NOT_READY]
    cache.note_unschedulable(F, False)
    cache.note_unschedulable(G, True)
    assert cache.replicas(fleet).obstacle.tolist() == [Obstacle.NOT_READY, Obstacle.NOT_SCHEDULABLE]
    cache.remove(G)
    assert cache.replicas(fleet).obstacle.tolist() == [Obstacle.NOT_READY, Obstacle.NONE]


def test_an_obstacle_alone_is_not_told_to_listeners(cache: DeploymentCache) -> None:
    """Listeners hear counts; that pods wait for a node is no news to them, nor a new catalog."""
    cache.put(reading(1, 2))
    heard: list[int] = []
    cache.subscribe(lambda key, requested, ready: heard.append(requested))
    catalog = cache.catalog()
    cache.note_unschedulable(F, True)
    cache.put(replace(reading(2, 2), progress=Progress(is_rolling=True)))
    assert heard == []
    assert cache.catalog() is catalog
