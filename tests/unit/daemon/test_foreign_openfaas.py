"""OpenFaaS among the writers of replicas: the Community Edition's controller is known by its moves, a call is a call."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.daemon import openfaas
from autoscaler.daemon.foreign import CHANGES, QUIET_S, ForeignWriters
from autoscaler.ports import ReplicaChange
from tests.contract.cluster import fleet_of
from tests.unit.daemon.clock import HandClock

F, G, ELSEWHERE = FunctionKey("acme", "f"), FunctionKey("acme", "g"), FunctionKey("other", "f")
CONTROLLER = "faas-netes"
NAME = "OpenFaaS CE's own controller (faas-netes)"


class Watched:
    """Three functions, what each tick found of them, and who was woken."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.woken: list[FunctionKey] = []
        self.fleet = fleet_of(F, G, ELSEWHERE)
        self.writers = ForeignWriters(self.clock, dict, lambda: True, self.woken.append)
        self.latest: Decisions | None = None
        self.tick()

    def tick(self, requested: int = 1) -> list[bool]:
        """Begin a tick that finds so many replicas of each function; gives who is left alone, by row."""
        held = self.writers.held(self.fleet, self.latest)
        rows = np.arange(len(self.fleet))
        zeros, codes = np.zeros(len(rows)), np.zeros(len(rows), np.uint8)
        self.latest = Decisions(
            now=self.clock.now(),
            fleet=self.fleet,
            is_tick=True,
            rows=rows,
            seen=codes,
            rps=zeros,
            concurrency=zeros,
            in_flight=zeros,
            requested=np.full(len(rows), float(requested)),
            ready=zeros,
            desired=zeros,
            reason=np.full(len(rows), Reason.ZERO_IDLE, np.uint8),
            applied=(),
        )
        return held.tolist()

    def move(
        self, old: int, new: int, key: FunctionKey = F, manager: str = CONTROLLER, *, is_openfaas: bool = True
    ) -> None:
        """Let somebody change a function, a tick after it was found with what the daemon then changed."""
        self.tick(requested=1 if old == 0 else old)
        self.tick(requested=1 if old == 0 else old)
        self.writers.changed(ReplicaChange(key, "", old, new, manager, is_deploy=False, is_openfaas=is_openfaas))

    def by(self, key: FunctionKey = F) -> str | None:
        """Name whom a function is left to."""
        view = self.writers.view(key)
        return None if view is None else view.by


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.mark.parametrize("moves", [[(0, 1)] * 3, [(7, 5)] * 3, [(0, 1), (6, 5), (0, 1)]])
def test_exactly_its_moves_name_it(watched: Watched, moves: list[tuple[int, int]]) -> None:
    """0 → 1 and more than 5 → 5, three times, are OpenFaaS CE's own controller; two are nobody's yet."""
    for old, new in moves[:-1]:
        watched.move(old, new)
    assert watched.by() is None
    watched.move(*moves[-1])
    assert watched.by() == NAME
    assert watched.tick()[0]
    assert dict(watched.writers.counts()) == {CONTROLLER: CHANGES}


@pytest.mark.parametrize(
    ("old", "new", "manager", "is_openfaas"),
    [
        (0, 2, CONTROLLER, True),
        (7, 4, CONTROLLER, True),
        (5, 1, CONTROLLER, True),
        (0, 1, "kubectl", True),
        (0, 1, "argocd-controller", True),
        (0, 1, CONTROLLER, False),
    ],
)
def test_other_moves_are_another_writers(watched: Watched, old: int, new: int, manager: str, is_openfaas: bool) -> None:
    """A person, a GitOps tool, another count or a Deployment without the label: left alone as ever, by its own name."""
    for _ in range(CHANGES):
        watched.move(old, new, manager=manager, is_openfaas=is_openfaas)
    view = watched.writers.view(F)
    assert view is not None
    assert (view.by, view.ends_in_s) == (manager, QUIET_S)


def test_one_other_move_begins_the_count_anew(watched: Watched) -> None:
    """The controller makes no other move, so whoever does is another writer."""
    for old, new in ((0, 1), (0, 1), (3, 4), (0, 1)):
        watched.move(old, new)
    assert watched.by() == CONTROLLER


def test_its_silence_proves_nothing(watched: Watched) -> None:
    """It answers our writes alone: a function is left to it for hours, not for ten minutes."""
    for _ in range(CHANGES):
        watched.move(0, 1)
    watched.clock.now_s += openfaas.QUIET_S - 1
    assert watched.tick() == [True, False, False]
    watched.clock.now_s += 1
    assert watched.tick() == [False, False, False]


def test_a_namespace_that_has_it_is_known_by_one_move(watched: Watched) -> None:
    """Each further function of its namespace is restarted once and not three times; other namespaces are not judged."""
    for _ in range(CHANGES):
        watched.move(0, 1)
    watched.move(0, 1, G)
    watched.move(0, 1, ELSEWHERE)
    assert watched.tick() == [True, True, False]
    assert watched.by(G) == NAME


def test_after_hours_one_move_is_enough_again(watched: Watched) -> None:
    """A controller that is still there costs one restart a try."""
    for _ in range(CHANGES):
        watched.move(0, 1)
    watched.clock.now_s += openfaas.QUIET_S
    watched.move(0, 1)
    assert watched.by() == NAME


def test_what_is_known_follows_its_function_into_a_new_fleet(watched: Watched) -> None:
    """The long wait is not shortened by a function that comes or goes."""
    for _ in range(CHANGES):
        watched.move(0, 1)
    watched.fleet = fleet_of(FunctionKey("acme", "a"), F, G)
    watched.clock.now_s += QUIET_S
    assert watched.tick() == [False, True, False]


def test_taken_up_on_request_it_has_to_show_itself_again(watched: Watched) -> None:
    """Whoever has put another edition in its place says so, and one start by that is no proof of the old one."""
    for _ in range(CHANGES):
        watched.move(0, 1)
    assert watched.writers.take_up(F)
    watched.move(0, 1, G)
    assert watched.tick() == [False, False, False]


def test_a_gateway_that_starts_a_function_is_a_call(watched: Watched) -> None:
    """Where a tick found it at zero, nobody puts it back at once: a start is `scale_from_zero`, activity, never counted."""
    for replicas in (1, 3, 1, 1):
        watched.tick(requested=0)
        watched.tick(requested=0)
        watched.writers.changed(ReplicaChange(F, "", 0, replicas, CONTROLLER, is_deploy=False, is_openfaas=True))
    assert watched.woken == [F] * 4
    assert watched.by() is None
    assert dict(watched.writers.counts()) == {}


@pytest.mark.parametrize(("manager", "is_openfaas"), [("kubectl", True), ("", True), (CONTROLLER, False)])
def test_who_else_starts_a_function_is_no_call(watched: Watched, manager: str, is_openfaas: bool) -> None:
    """A person's scale, an unnamed write, or a Deployment that is no function of OpenFaaS wakes nothing."""
    watched.tick(requested=0)
    watched.tick(requested=0)
    watched.writers.changed(ReplicaChange(F, "", 0, 1, manager, is_deploy=False, is_openfaas=is_openfaas))
    assert watched.woken == []


def test_a_call_shows_that_the_controller_is_gone(watched: Watched) -> None:
    """What is found at zero was not put back, so one move of another function is no proof any more."""
    for _ in range(CHANGES):
        watched.move(0, 1)
    watched.tick(requested=0)
    watched.tick(requested=0)
    change = ReplicaChange(G, "", 0, 1, CONTROLLER, is_deploy=False, is_openfaas=True)
    watched.writers.changed(change)
    watched.tick(requested=1)
    watched.tick(requested=1)
    watched.writers.changed(replace(change, key=G))
    assert watched.woken == [G]
    assert watched.by(G) is None
