"""What the history keeps of steps: of whom, how many, and under which rules."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.daemon.history import PER_FUNCTION, RECENT, History
from tests.unit.core.fleets import make_fleet, observe, stepped

TENANTS = ("acme", "umbra")


def fleet_of(*names: str, cap: float = np.inf) -> Fleet:
    """Make functions of two tenants; each third one has a target of its own."""
    rules = [{"target_rps": 5.0} if place % 3 == 0 else {} for place in range(len(names))]
    functions = [(tenant, name, one) for tenant in TENANTS for name, one in zip(names, rules, strict=True)]
    return make_fleet(functions, caps={"acme": cap})


def decided(fleet: Fleet, controller: Controller, now_s: float, requested: float, rps: float) -> Decisions:
    """Let every function have these replicas and this load."""
    count = len(fleet)
    return stepped(controller, now_s, observe(fleet, np.full(count, requested), rps=np.full(count, rps)))


def as_kept(decisions: Decisions) -> list[DecisionRecord]:
    """Give what a history keeps of each change: all but the panic window, lanes and accounts."""
    return [
        replace(
            decisions.record(position),
            panic_rps=None,
            panic_concurrency=None,
            is_panicking=False,
            others=(),
            rate_up=None,
            rate_down=None,
            budget=None,
        )
        for position in decisions.changed.tolist()
    ]


def test_what_is_kept_is_what_was_decided() -> None:
    """Each record, given at once or looked up later, says what the decision's own record says, tenant and rules included."""
    history, fleet = History(), fleet_of("a", "b", "c", "d", cap=50.0)
    decisions = decided(fleet, Controller(None), 0, 1.0, 45.0)
    wanted = as_kept(decisions)
    assert len(wanted) == 8
    assert list(history.take(decisions)) == wanted
    assert [one for key in fleet.keys for one in history.of(key)] == wanted
    assert history.recent() == wanted
    assert len({(one.tenant, one.numbers["target_rps"]) for one in wanted}) == 4


def test_of_many_changes_the_last_ones_are_kept_in_order() -> None:
    """However many changes there were, a function's newest are there, oldest first."""
    history, fleet, controller = History(), fleet_of("a"), Controller(None)
    for number in range(1, 3 * PER_FUNCTION):
        assert len(list(history.take(decided(fleet, controller, number, 1.0, 50.0 * number)))) == 2
        times = [one.at.monotonic_s for one in history.of(fleet.keys[0])]
        assert times == [float(one) for one in range(max(1, number - PER_FUNCTION + 1), number + 1)]


def test_a_change_that_is_decided_again_and_again_is_kept_once() -> None:
    """Only another count, another reason or another start is news; and what was not to change in between."""
    history, fleet, controller = History(), fleet_of("a"), Controller(None)

    def news(now_s: float, requested: float, rps: float) -> int:
        return len(list(history.take(decided(fleet, controller, now_s, requested, rps))))

    assert [news(t, 1.0, 45.0) for t in range(3)] == [2, 0, 0]
    assert news(3, 2.0, 45.0) == 2
    assert news(4, 2.0, 900.0) == 2
    quiet = decided(fleet, controller, 5, 2.0, 900.0)
    assert list(history.take(quiet)) == []
    asked_for = float(quiet.desired[0])
    held = [news(6, asked_for, 900.0), news(7, 2.0, 900.0)]
    assert held[1] == 2


def test_memory_follows_the_fleet() -> None:
    """In another fleet what stays keeps its changes and its rules of then, in whichever row; what went is forgotten."""
    history, controller = History(), Controller(None)
    before = fleet_of("b", "c", "d", cap=50.0)
    first = as_kept(decided(before, Controller(None), 0, 1.0, 45.0))
    list(history.take(decided(before, controller, 0, 1.0, 45.0)))
    after = fleet_of("a", "c", "d", "e", cap=70.0)
    second = decided(after, controller, 1, 2.0, 45.0)
    list(history.take(second))
    of_then = {one.key: one for one in first}
    assert history.of(FunctionKey("acme", "b")) == []
    assert [one.at.monotonic_s for one in history.of(FunctionKey("acme", "a"))] == [1.0]
    for tenant in TENANTS:
        kept = history.of(FunctionKey(tenant, "c"))
        assert kept[0] == of_then[FunctionKey(tenant, "c")]
    assert [one.numbers["tenant_cap"] for one in history.of(FunctionKey("acme", "d"))] == [50.0, 70.0]


def test_the_same_change_in_another_fleet_is_no_news() -> None:
    """Somebody else's deploy makes nobody's change a new one."""
    history, controller = History(), Controller(None)
    plain: Sequence[tuple[str, str, dict[str, float | bool]]] = [("acme", "a", {}), ("acme", "b", {})]
    list(history.take(decided(make_fleet(plain[:1]), controller, 0, 1.0, 45.0)))
    assert [one.key.name for one in history.take(decided(make_fleet(plain), controller, 1, 1.0, 45.0))] == ["b"]


def test_of_all_functions_only_the_latest_changes_are_kept_whole() -> None:
    """The changes of a large fleet's first tick are all given, and the last thousand of them are the recent ones."""
    history = History()
    fleet = make_fleet([("acme", f"f{number:04}", {}) for number in range(RECENT + 200)])
    given = list(history.take(decided(fleet, Controller(None), 0, 1.0, 45.0)))
    assert [one.key for one in given] == list(fleet.keys)
    assert history.recent() == given[-RECENT:]
