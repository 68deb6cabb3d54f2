"""How far a start or a drain is, in lines, from the daemon's state alone."""

from dataclasses import replace

import pytest

from autoscaler.ports import Health, LeadershipState, SourceHealth, WatchState
from autoscaler.server.progress import by_kind, lines

WELL = Health(
    is_ready=True,
    ticks=12,
    overruns=0,
    last_tick_s=0.25,
    last_tick_age_s=1.0,
    dry_run=False,
    problems=(),
    sources=[SourceHealth("main", True, None, 0.1, 5, 0)],
    writes={},
    write_failures=(),
    boosts=(),
    writes_queued={"wake": 0, "raise": 3, "cut": 1},
    writes_waited_s={"wake": 0.0, "raise": 12.0, "cut": 2.0},
    writes_per_second=19.5,
)
FORBIDDEN = "deployments cannot be read: 403"


def watch(
    kind: str, listed: int, namespace: str | None = None, *, synced: bool = True, problem: str | None = None
) -> WatchState:
    return WatchState(kind, namespace, listed, synced, kind == "deployments", 1.0, problem)


def marks(health: Health, *, with_words: bool = True) -> dict[str, str]:
    """Give the mark of each line by its first word."""
    said = lines(health, with_words=with_words)
    return {line[3:].split()[0]: line[:3] for line in said if line.startswith("[")}


def test_a_daemon_that_is_well_has_a_plus_everywhere() -> None:
    """Each part has a line, and the verdict is the last."""
    health = replace(WELL, watches=[watch("deployments", 12_000), watch("pods", 3)])
    said = lines(health, with_words=True)
    assert said[0] == "[+]deployments listed 12000"
    assert said[-1] == "readyz check passed"
    assert set(marks(health).values()) == {"[+]"}
    assert any("raise 3" in line and "12 s" in line for line in said)


def test_a_start_says_what_lacks() -> None:
    """Lists that are not whole, the past and the first tick are marked, and the verdict is that it is not ready."""
    health = replace(WELL, is_ready=False, last_tick_age_s=None, ticks=0, writes_held="not all listed")
    health = replace(health, watches=[watch("deployments", 700, synced=False), watch("pods", 3)])
    found = marks(health)
    assert {name for name, mark in found.items() if mark == "[-]"} == {"deployments", "recall", "ticks", "writes"}
    assert lines(health, with_words=False)[-1] == "readyz check failed"


def test_watches_by_namespace_are_added_up_by_kind() -> None:
    """What is listed is the sum, what is whole is counted, and one namespace without a right is a minus."""
    watches = [
        watch("deployments", 4, "a"),
        watch("deployments", 0, "b", synced=False, problem=FORBIDDEN),
        watch("pods", 1, "a"),
    ]
    deployments, pods = by_kind(watches)
    assert (deployments.listed, deployments.watches, deployments.synced) == (4, 2, 1)
    assert deployments.problems == (f"b: {FORBIDDEN}",)
    assert pods.is_whole
    assert marks(replace(WELL, watches=watches))["deployments"] == "[-]"


@pytest.mark.parametrize(
    ("state", "mark"),
    [
        (LeadershipState(is_leader=True), "[+]"),
        (LeadershipState(is_leader=True, lease="autoscaler", identity="pod-1", holder="pod-1"), "[+]"),
        (LeadershipState(is_leader=False, lease="autoscaler", identity="pod-1", holder="pod-2"), "[+]"),
        (LeadershipState(is_leader=False, lease="autoscaler", identity="pod-1", holder=None), "[-]"),
        (LeadershipState(is_leader=False, lease="autoscaler", identity="pod-1", holder="pod-1"), "[-]"),
    ],
)
def test_who_decides_is_said(state: LeadershipState, mark: str) -> None:
    """To decide and to stand by is well; where nobody decides it is not."""
    assert marks(replace(WELL, leadership=state))["leadership"] == mark


def test_outside_the_cluster_nothing_is_named() -> None:
    """Namespaces, sources, holders and words of the API server are for those inside; counts and marks are the same."""
    state = LeadershipState(is_leader=False, lease="autoscaler", identity="pod-1", holder="pod-2", problem="lease: 403")
    health = replace(
        WELL,
        leadership=state,
        watches=[watch("deployments", 0, "acme-secret", synced=False, problem=FORBIDDEN), watch("deployments", 1, "b")],
        sources=[SourceHealth("of-acme", False, "HTTP 503", 0.1, 0, 3)],
        writes_held="the Lease is held by pod-2",
    )
    outside, inside = "\n".join(lines(health, with_words=False)), "\n".join(lines(health, with_words=True))
    for word in ("acme-secret", "403", "of-acme", "HTTP 503", "pod-2"):
        assert word not in outside
        assert word in inside
    assert marks(health, with_words=False) == marks(health, with_words=True)
