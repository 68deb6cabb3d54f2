"""Replicas of policy tests: asked for at once, ready after the start-up."""

from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.policy_tests.pods import Pods


def counts(pods: Pods) -> tuple[int, int]:
    return int(pods.requested[0]), int(pods.ready[0])


def test_replicas_are_ready_after_their_start_up() -> None:
    """What is there at the start is ready, what is asked for later is so after its start-up."""
    pods = Pods([2], [10.0], [None])
    pods.scale(0, 5, 100.0)
    pods.advance(109.0)
    assert counts(pods) == (5, 2)
    pods.advance(110.0)
    assert counts(pods) == (5, 5)


def test_without_a_start_up_they_are_ready_at_once() -> None:
    """A start-up of 0s makes no one wait for the next tick."""
    pods = Pods([0], [0.0], [None])
    pods.scale(0, 3, 7.0)
    assert counts(pods) == (3, 3)


def test_a_cut_takes_those_that_are_still_starting_first() -> None:
    """Of 2 ready and 3 starting, a cut to 3 leaves both ready ones and one starting."""
    pods = Pods([2], [10.0], [None])
    pods.scale(0, 4, 0.0)
    pods.scale(0, 5, 1.0)
    pods.scale(0, 3, 2.0)
    assert counts(pods) == (3, 2)
    pods.advance(10.0)
    assert counts(pods) == (3, 3)
    pods.scale(0, 1, 11.0)
    assert counts(pods) == (1, 1)


def test_behind_an_obstacle_nothing_becomes_ready() -> None:
    """Start-up begins anew when the obstacle goes; what was ready serves on meanwhile."""
    pods = Pods([1], [10.0], [None])
    pods.obstruct(0, Obstacle.QUOTA_EXCEEDED)
    pods.scale(0, 3, 0.0)
    pods.advance(50.0)
    assert counts(pods) == (3, 1)
    pods.clear(0, 60.0)
    pods.advance(69.0)
    assert counts(pods) == (3, 1)
    pods.advance(70.0)
    assert counts(pods) == (3, 3)


def test_a_function_deployed_later_has_a_start_up_too() -> None:
    """Deployed at 30s with a start-up of 5s, its replicas are ready at 35s."""
    pods = Pods([2], [5.0], [30.0])
    pods.advance(34.0)
    assert counts(pods) == (2, 0)
    pods.advance(35.0)
    assert counts(pods) == (2, 2)
