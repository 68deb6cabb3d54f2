"""Other writers of replicas: changes in, who is left alone out."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.daemon.foreign import CHANGES, NAMES, OTHERS, QUIET_S, UNNAMED, ForeignWriters
from autoscaler.daemon.reverts import REMEMBERED_S
from autoscaler.ports import ReplicaChange
from tests.contract.cluster import fleet_of
from tests.unit.daemon.clock import HandClock

F, G = FunctionKey("acme", "f"), FunctionKey("acme", "g")


class Watched:
    """Foreign writers of two functions, a hand-moved clock, and what each tick decides."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.rivals: MappingProxyType[FunctionKey, str] = MappingProxyType({})
        self.is_leading = True
        self.fleet: Fleet = fleet_of(F, G)
        self.writers = ForeignWriters(self.clock, lambda: self.rivals, lambda: self.is_leading)
        self.latest: Decisions | None = None
        self.tick()

    def tick(self, desired: int = 1) -> list[bool]:
        """Begin a tick, and let it decide `desired` for every function; gives who is left alone, by row."""
        held = self.writers.held(self.fleet, self.latest)
        rows = np.arange(len(self.fleet))
        wanted, zeros = np.full(len(rows), float(desired)), np.zeros(len(rows))
        codes = np.zeros(len(rows), np.uint8)
        self.latest = Decisions(
            now=self.clock.now(),
            fleet=self.fleet,
            is_tick=True,
            rows=rows,
            seen=codes,
            rps=zeros,
            concurrency=zeros,
            in_flight=zeros,
            requested=zeros,
            ready=zeros,
            desired=wanted,
            reason=np.full(len(rows), Reason.DEMAND, np.uint8),
            applied=(),
        )
        return held.tolist()

    def change(self, manager: str = "kubectl", times: int = 1, key: FunctionKey = F, **more: object) -> None:
        change = ReplicaChange(key, "", 2, 5, manager, is_deploy=False)
        for _ in range(times):
            self.writers.changed(replace(change, **more))  # type: ignore[arg-type]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_function_is_left_alone_after_three_changes(watched: Watched) -> None:
    """Two changes are looked at; the third leaves the function to who makes them, and no other one."""
    watched.change(times=CHANGES - 1)
    assert watched.tick() == [False, False]
    watched.change("argocd-controller")
    assert watched.tick() == [True, False]
    (view,) = watched.writers.views()
    assert (view.key, view.by, view.changes, view.ends_in_s) == (F, "argocd-controller", CHANGES, QUIET_S)
    assert watched.writers.view(F) == view
    assert watched.writers.view(G) is None
    assert dict(watched.writers.counts()) == {"kubectl": 2, "argocd-controller": 1}


def test_ten_quiet_minutes_take_it_up_again(watched: Watched) -> None:
    """The hold ends by itself, and not before; a change meanwhile begins the ten minutes anew."""
    watched.change(times=CHANGES)
    watched.clock.now_s += QUIET_S - 1
    assert watched.tick() == [True, False]
    watched.change()
    watched.clock.now_s += QUIET_S - 1
    assert watched.tick() == [True, False]
    watched.clock.now_s += 1
    assert watched.tick() == [False, False]
    watched.change()
    assert watched.tick() == [False, False]


def test_changes_far_apart_are_not_added_up(watched: Watched) -> None:
    """Somebody who scales by hand once an hour is no foreign writer."""
    for _ in range(CHANGES + 2):
        watched.change()
        watched.clock.now_s += QUIET_S
    assert watched.tick() == [False, False]


def test_it_is_taken_up_on_request(watched: Watched) -> None:
    """On request the changes are forgotten; who was left to nobody cannot be taken up."""
    assert not watched.writers.take_up(F)
    watched.change(times=CHANGES - 1)
    assert not watched.writers.take_up(F)
    watched.change()
    assert watched.writers.take_up(F)
    assert watched.tick() == [False, False]
    assert not watched.writers.take_up(FunctionKey("acme", "unknown"))


def test_a_deploy_is_never_counted(watched: Watched) -> None:
    """Deploys may come as often as they like, under any name."""
    watched.change(times=20, is_deploy=True, has_new_template=True)
    watched.change("kustomize-controller", times=20, is_deploy=True)
    assert watched.tick() == [False, False]
    assert dict(watched.writers.counts()) == {}


def test_a_manifest_that_puts_back_is_reported(watched: Watched) -> None:
    """Applies without a new template are named with how often, the latest first, and forgotten in time."""
    watched.change("kustomize-controller", is_deploy=True)
    assert list(watched.writers.reverts()) == []
    watched.change("kustomize-controller", is_deploy=True)
    watched.clock.now_s += 60.0
    watched.change("helm", times=3, key=G, is_deploy=True)
    first, second = watched.writers.reverts()
    assert (first.key, first.by, first.times, first.last_ago_s) == (G, "helm", 3, 0.0)
    assert (second.key, second.by, second.times, second.last_ago_s) == (F, "kustomize-controller", 2, 60.0)
    watched.clock.now_s += REMEMBERED_S - 1
    assert [view.key for view in watched.writers.reverts()] == [G]


def test_a_deployment_with_an_autoscaler_is_left_to_it(watched: Watched) -> None:
    """It is held from the first tick on, for as long as the autoscaler is there, and cannot be taken up."""
    watched.rivals = MappingProxyType({G: "HorizontalPodAutoscaler g", FunctionKey("x", "no-function"): "other"})
    assert watched.tick() == [False, True]
    (view,) = watched.writers.views()
    assert (view.key, view.by, view.changes, view.ends_in_s) == (G, "HorizontalPodAutoscaler g", 0, None)
    assert not watched.writers.take_up(G)
    watched.rivals = MappingProxyType({})
    assert watched.tick() == [False, False]


def test_an_unnamed_change_counts_where_it_leads_away(watched: Watched) -> None:
    """Nobody is named after a zero; who writes 5 where we decide 1 is in our way, whoever it is."""
    for _ in range(CHANGES):
        watched.change("", new=5)
        watched.tick(desired=1)
    assert watched.tick(desired=1) == [True, False]
    assert dict(watched.writers.counts()) == {UNNAMED: CHANGES}


def test_an_unnamed_change_that_agrees_is_in_nobodys_way(watched: Watched) -> None:
    """Another daemon of ours that writes what we decide too, or nearly, is never counted."""
    for desired in (5, 4, 7) * CHANGES:
        watched.change("", old=2, new=5)
        watched.tick(desired=desired)
    assert watched.tick() == [False, False]
    assert dict(watched.writers.counts()) == {}


def test_unnamed_changes_keep_a_hold(watched: Watched) -> None:
    """While a function is left alone every decision is to leave it; further changes are none the less not quiet."""
    watched.change(times=CHANGES)
    for _ in range(3):
        watched.change("", new=5)
        watched.tick(desired=5)
        watched.clock.now_s += QUIET_S / 2
    assert watched.tick(desired=5) == [True, False]


def test_a_standby_counts_nobody_without_a_name(watched: Watched) -> None:
    """What a standby sees unnamed is the work of who leads; a name is a name for a standby too."""
    watched.is_leading = False
    watched.change("", times=9)
    watched.is_leading = True
    watched.tick()
    watched.tick()
    assert dict(watched.writers.counts()) == {}
    watched.is_leading = False
    watched.change(times=CHANGES)
    assert watched.tick() == [True, False]


def test_counts_follow_their_function_into_a_new_fleet(watched: Watched) -> None:
    """Rows move when functions come and go; one made anew under the same name begins anew."""
    watched.change(times=CHANGES, key=G)
    watched.fleet = fleet_of(FunctionKey("acme", "a"), F, G)
    assert watched.tick() == [False, False, True]
    watched.fleet = replace(watched.fleet, uids=("", "", "another"))
    assert watched.tick() == [False, False, False]
    watched.fleet = fleet_of(F)
    assert watched.tick() == [False]


def test_what_is_no_function_is_not_counted(watched: Watched) -> None:
    """A database that its own operator scales is nobody's business, nor an object of another uid."""
    watched.change(key=FunctionKey("acme", "database"), times=CHANGES)
    watched.change(uid="another", times=CHANGES)
    assert watched.tick() == [False, False]
    assert dict(watched.writers.counts()) == {}


def test_names_are_bounded(watched: Watched) -> None:
    """Field managers are free text, so that tenants can make any number of them; the metric has a bounded number."""
    for number in range(NAMES + 10):
        watched.change(f"manager-{number}")
    assert len(watched.writers.counts()) == NAMES + 1
    assert watched.writers.counts()[OTHERS] == 10
