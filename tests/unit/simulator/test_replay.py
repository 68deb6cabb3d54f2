"""A log decided again: the same comes out, a wrong bit is found, and other policies are compared honestly."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.journal.step import Damage, Entry, Gap, Head, Origin, Recorded, Step
from autoscaler.core.reasons import Reason
from autoscaler.policy.plan import Plan
from autoscaler.simulator.replay.again import Again, look_back
from autoscaler.simulator.replay.otherwise import Otherwise
from autoscaler.simulator.replay.shortfalls import Fewer, Shortfalls
from autoscaler.simulator.replay.start_up import start_up_lag
from tests.unit.core.fleets import at, key, make_fleet, observe
from tests.unit.core.recorded import altered, fleet_of, run

HEAD = Head("run", 0, "{}")


def same_rule(_head: Head) -> Controller:
    return Controller(BlastRadiusRule(10.0, 0.2, 60.0))


def free(_head: Head) -> Controller:
    return Controller(None)


def log_of(steps: Sequence[Step], head: Head = HEAD) -> list[Entry]:
    origin = Origin()
    return [head, *(Recorded(step, origin) for step in steps)]


def test_a_log_is_decided_again_identically() -> None:
    """Every step of a run that begins in the log comes out the same, and all of them are compared."""
    steps = run(60)
    again = Again(same_rule)
    again.take(log_of(steps))
    assert again.outcome.is_identical
    assert (again.outcome.steps, again.outcome.compared, again.outcome.runs) == (len(steps), len(steps), 1)
    assert again.outcome.ticks == 60


def test_one_other_bit_is_found_with_its_function() -> None:
    """A decision that says otherwise is counted, and the first is named with its column and both accounts."""
    steps = run(30)
    number = next(place for place in range(20, 30) if steps[place].decisions.rows.size)
    steps[number] = replace(steps[number], decisions=altered(steps[number].decisions))
    again = Again(same_rule)
    again.take(log_of(steps))
    assert not again.outcome.is_identical
    assert again.outcome.differing == 1
    first = again.outcome.first
    assert first is not None
    assert (first.step, first.column) == (number + 1, "ready")
    assert first.recorded is not None
    assert first.replayed is not None
    assert first.recorded.ready == first.replayed.ready + 1


def test_another_controller_does_not_pass_for_the_same() -> None:
    """A replay under another blast radius than the recording's differs, and says where."""
    fleet = make_fleet([("ns", "f", {"target_rps": 1.0})])
    controller, steps, replicas = Controller(BlastRadiusRule(1.0, 0.0, 60.0)), [], 50.0
    for tick in range(10):
        seen = observe(fleet, replicas, rps=50.0 if tick < 5 else 3.0)
        steps.append(Step(at(tick * 2.0), seen, (), controller.step(at(tick * 2.0), seen, ())))
        replicas = float(steps[-1].decisions.desired[0])
    again = Again(free)
    again.take(log_of(steps))
    assert again.outcome.first is not None
    assert again.outcome.first.recorded is not None
    assert again.outcome.first.recorded.reason is Reason.BLAST_RADIUS


def test_what_came_before_the_log_is_not_held_against_it() -> None:
    """A run whose beginning is gone is compared only once every look-back has passed, and then is the same."""
    steps = run(150)
    again = Again(same_rule)
    again.take(log_of(steps[20:], Head("run", 3, "{}")))
    skipped = again.outcome.steps - again.outcome.compared
    assert again.outcome.warm_up_s == look_back(steps[0].decisions.fleet)
    assert skipped > 0
    assert again.outcome.compared > 0
    assert again.outcome.differing == 0


@pytest.mark.parametrize("hole", [Gap(7, 1.0), Damage(100, 200), Head("run", 5, "{}")])
def test_after_a_hole_the_comparison_waits(hole: Entry) -> None:
    """Lost steps, damage and a missing file of the same run blind the comparison for as long as a beginning does."""
    steps = run(40)
    again = Again(same_rule)
    again.take([*log_of(steps[:10]), hole, *log_of(steps[20:])[1:]])
    assert again.outcome.compared == 10
    assert again.outcome.warm_up_s > 0


def test_every_run_has_a_controller_of_its_own() -> None:
    """A daemon that restarted knew nothing; so does the controller that decides its second run again."""
    again = Again(same_rule)
    again.take([*log_of(run(20, seed=1)), *log_of(run(20, seed=2), Head("later", 0, "{}"))])
    assert again.outcome.runs == 2
    assert again.outcome.is_identical


def test_nothing_compared_is_not_identical() -> None:
    """An empty log proves nothing."""
    again = Again(same_rule)
    again.take([HEAD])
    assert not again.outcome.is_identical


def plan_with(**rules: float) -> Callable[[Fleet, Origin, float], Plan]:
    """Give other policies: the recorded functions, with these rules."""

    def make(fleet: Fleet, _origin: Origin, _utc_s: float) -> Plan:
        columns = {name: np.full(len(fleet), value) for name, value in rules.items()}
        return Plan(replace(fleet, rules=replace(fleet.rules, **columns)), (), {})

    return make


def steady(rates: Sequence[float], start_up_ticks: int = 0, **rules: float) -> list[Step]:
    """Record one function whose replicas follow its decisions, ready some ticks later."""
    fleet = make_fleet([("ns", "f", {"target_rps": 10.0, **rules})])
    controller, steps, wanted = Controller(None), [], [1.0] * (start_up_ticks + 1)
    for tick, rate in enumerate(rates):
        seen = observe(fleet, wanted[-1], rps=rate, ready=min(wanted[-1 - start_up_ticks :]))
        steps.append(Step(at(tick * 2.0), seen, (), controller.step(at(tick * 2.0), seen, ())))
        decisions = steps[-1].decisions
        wanted.append(float(decisions.of_rows(decisions.desired, np.array([0]))[0]))
    return steps


def test_the_same_policies_would_have_done_the_same() -> None:
    """Under the rules of the recording nothing differs, and both sides add up to the same."""
    otherwise = Otherwise(free, plan_with(), 0.0)
    otherwise.take(log_of(steady([10.0] * 10 + [80.0] * 40 + [20.0] * 10)))
    account = otherwise.accounts.finished()[key("f")]
    assert account.first is None
    assert account.differing == 0
    assert account.ticks == 60
    assert account.recorded == account.replayed
    assert account.recorded.replica_seconds > 0
    assert account.recorded.changes >= 2


def test_another_target_costs_other_replicas() -> None:
    """Half the target needs twice the replicas, from the first tick at which it says so, and the difference is named."""
    otherwise = Otherwise(free, plan_with(target_rps=5.0), 0.0)
    otherwise.take(log_of(steady([40.0] * 30)))
    account = otherwise.accounts.finished()[key("f")]
    assert account.first is not None
    assert (account.first.recorded, account.first.replayed) == (4, 8)
    assert account.first.replayed_reason == "DEMAND"
    # 29 intervals of 2 s; at the first of them both still have the one replica that was found.
    assert account.recorded.replica_seconds == 2 + 4 * 56
    assert account.replayed.replica_seconds == 2 + 8 * 56


def test_time_at_zero_is_told_for_both() -> None:
    """A minimum of one replica is no time at zero, beside the time that was spent there."""
    fleet = make_fleet([("ns", "f", {"target_rps": 10.0, "zero_after_s": 10.0})])
    controller, steps, wanted = Controller(None), [], 1.0
    for tick in range(60):
        seen = observe(fleet, wanted, rps=0.0, in_flight=0.0, is_idle=True)
        steps.append(Step(at(tick * 2.0), seen, (), controller.step(at(tick * 2.0), seen, ())))
        decisions = steps[-1].decisions
        wanted = float(decisions.of_rows(decisions.desired, np.array([0]))[0])
    assert wanted == 0
    otherwise = Otherwise(free, plan_with(min_replicas=1.0), 0.0)
    otherwise.take(log_of(steps))
    account = otherwise.accounts.finished()[key("f")]
    assert account.recorded.zero_s > 60
    assert account.replayed.zero_s == 0
    assert account.differing > 30  # functions at rest count too


def test_replicas_are_ready_after_the_start_up_lag() -> None:
    """With a lag the replayed raise is ready that much later, which scaleUp.maxRate shows as a slower growth."""
    rates = [10.0] * 5 + [640.0] * 40
    log = log_of(steady(rates, max_rate_up=2.0))

    def replayed_seconds(lag_s: float) -> float:
        otherwise = Otherwise(free, plan_with(), lag_s)
        otherwise.take(log)
        return otherwise.accounts.finished()[key("f")].replayed.replica_seconds

    assert replayed_seconds(10.0) < replayed_seconds(0.0)


def test_the_lag_is_measured() -> None:
    """The median wait from a raise that was found to the tick that found it ready; none where nothing was raised."""
    assert start_up_lag(log_of(steady([10.0] * 5 + [80.0] * 20, start_up_ticks=3))) == pytest.approx(6.0)
    assert start_up_lag(log_of(steady([10.0] * 5))) is None


def test_functions_that_no_other_tenant_has_are_named() -> None:
    """A function that the other documents leave out is not decided, and said to be left out."""
    steps = run(10, fleets=[fleet_of("ab")])

    def only_a(fleet: Fleet, _origin: Origin, _utc_s: float) -> Plan:
        return Plan(make_fleet([("ns", "a", {"target_rps": 10.0})], uids={"a": fleet.uids[0]}), (), {})

    otherwise = Otherwise(free, only_a, 0.0)
    otherwise.take(log_of(steps))
    assert otherwise.unscaled == {key("b")}
    assert list(otherwise.accounts.finished()) == [key("a")]


def test_a_function_keeps_its_replicas_when_others_come() -> None:
    """Another fleet of the recording changes nothing in the replicas that the replay has given."""
    steps = steady([40.0] * 20)
    other = make_fleet(
        [("ns", "f", {"target_rps": 10.0}), ("ns", "g", {})], uids={"f": steps[0].decisions.fleet.uids[0]}
    )
    controller = Controller(None)
    for tick in range(20, 30):
        seen = observe(other, np.array([4.0, 1.0]), rps=np.array([40.0, 1.0]))
        steps.append(Step(at(tick * 2.0), seen, (), controller.step(at(tick * 2.0), seen, ())))
    otherwise = Otherwise(free, plan_with(target_rps=5.0), 0.0)
    otherwise.take(log_of(steps))
    accounts = otherwise.accounts.finished()
    assert accounts[key("f")].replayed.changes == 1
    assert accounts[key("f")].replayed.replica_seconds == 2 + 8 * 56
    assert accounts[key("g")].ticks == 10


def test_a_plan_that_runs_out_is_made_again() -> None:
    """Schedules are compiled up to a time; the replay asks for another plan before it."""
    asked: list[float] = []

    def make(fleet: Fleet, _origin: Origin, utc_s: float) -> Plan:
        asked.append(utc_s)
        return Plan(fleet, (), {}, known_until_s=utc_s + 20.0)

    otherwise = Otherwise(free, make, 0.0)
    otherwise.take(log_of(steady([10.0] * 30)))
    assert np.diff(asked).tolist() == [20.0, 20.0]


def test_a_gap_counts_for_nobody() -> None:
    """Time over which nothing is known adds no replica-seconds to either side."""
    steps = steady([10.0] * 30)
    entries: Iterator[Entry] = iter([*log_of(steps[:10]), Gap(10, 0.0), *log_of(steps[20:])[1:]])
    otherwise = Otherwise(free, plan_with(), 0.0)
    otherwise.take(entries)
    account = otherwise.accounts.finished()[FunctionKey("ns", "f")]
    assert otherwise.lost == 10
    assert account.recorded.replica_seconds == 2 * (9 + 9)


def test_requests_wait_only_where_nothing_is_ready() -> None:
    """Requests that were held for a start ask for nothing where the other policies kept a replica all along."""
    fleet = make_fleet([("ns", "f", {"target_concurrency": 1.0, "zero_after_s": 10.0})])
    controller, steps = Controller(None), []
    for tick in range(10):
        seen = observe(
            fleet, 0.0, rps=0.0, in_flight=0.0, concurrency=0.0, is_idle=tick != 5, waiting=30.0 * (tick == 5)
        )
        steps.append(Step(at(tick * 2.0), seen, (), controller.step(at(tick * 2.0), seen, ())))
    held = steps[5].decisions.desired.tolist()
    assert held == [30.0]
    # What was found at the first tick is none, so that one is raised there and the other is not.
    otherwise = Otherwise(free, plan_with(min_replicas=1.0), 0.0)
    otherwise.take(log_of(steps[:6]))
    account = otherwise.accounts.finished()[key("f")]
    assert account.first is not None
    assert (account.first.recorded, account.first.replayed) == (0, 1)
    assert account.differing == 6
    assert account.replayed.replica_seconds == 2.0 * 4


def shortfall(*missing: float, ends: int | None = None) -> Fewer:
    """Follow one function through ticks of two seconds in which so many replicas were missing."""
    falls = Shortfalls(1)
    for tick, amount in enumerate(missing):
        falls.tick(at(tick * 2.0), np.array([1.0]), np.array([1.0 + amount]), 2.0 if tick else 0.0)
        if tick == ends:
            falls.end()
    falls.end()
    return falls.of(0)


def test_each_time_that_fewer_were_asked_for_is_told_once() -> None:
    """Two times with one between: how often, how long, how many, and the worst numbers of each."""
    found = shortfall(0, 2, 5, 1, 0, 0, 3, 0)
    assert (found.times, found.seconds, found.replica_seconds) == (2, 8.0, 22.0)
    assert [(one.until_utc_s - one.from_utc_s, one.recorded, one.replayed) for one in found.moments] == [
        (6.0, 1, 6),
        (2.0, 1, 4),
    ]
    assert shortfall(0, 0, 0) == Fewer()


def test_what_follows_a_gap_is_no_shortfall_before_it_is_seen() -> None:
    """A gap ends a time at the last tick before it; what goes on behind it is another."""
    found = shortfall(4, 4, 4, 4, ends=1)
    assert [one.until_utc_s - one.from_utc_s for one in found.moments] == [2.0, 2.0]
    # Of the two seconds of the gap nothing is known.
    assert found.seconds == 4.0


def test_a_shortfall_goes_on_over_another_fleet() -> None:
    """A function that keeps its name has one time, not two; one that goes ends its own."""
    before, after = Shortfalls(2), Shortfalls(1)
    for tick in (0, 1):
        before.tick(at(tick * 2.0), np.array([1.0, 1.0]), np.array([3.0, 2.0]), 2.0 * tick)
    after.carry(before, np.array([[0, 0]]))
    after.tick(at(4.0), np.array([1.0]), np.array([3.0]), 2.0)
    after.tick(at(6.0), np.array([3.0]), np.array([3.0]), 2.0)
    assert (before.of(0).times, before.of(1).times, after.of(0).times) == (0, 1, 1)
    (moment,) = after.of(0).moments
    assert moment.until_utc_s - moment.from_utc_s == 6.0
    assert before.of(0).seconds + after.of(0).seconds == 6.0


def test_what_a_foreign_writer_held_is_ours_in_a_replay_alone() -> None:
    """Left alone it stays as it was; alone it goes where its load wants it."""
    fleet = make_fleet([("ns", "f", {"target_rps": 10.0})])
    controller, steps = Controller(None), []
    for tick in range(200):
        seen = observe(fleet, 9.0, rps=20.0, is_held=True)
        steps.append(Step(at(tick * 2.0), seen, (), controller.step(at(tick * 2.0), seen, ())))
    left, alone = Otherwise(free, plan_with(), 0.0), Otherwise(free, plan_with(), 0.0, is_alone=True)
    for one in (left, alone):
        one.take(log_of(steps))
    assert left.accounts.finished()[key("f")].replayed.changes == 0
    account = alone.accounts.finished()[key("f")]
    assert account.replayed.changes > 0
    assert account.replayed.replica_seconds < account.recorded.replica_seconds


def test_what_came_before_is_decided_and_not_counted() -> None:
    """From a moment on: only that time is counted, by a controller that knows what was before."""
    steps = steady([30.0] * 100)
    whole, late = Otherwise(free, plan_with(), 0.0), Otherwise(free, plan_with(), 0.0, from_utc_s=steps[50].now.utc_s)
    for one in (whole, late):
        one.take(log_of(steps))
    accounts = late.accounts.finished()
    assert (whole.ticks, late.ticks) == (100, 50)
    assert late.accounts.covered_s == 98.0
    assert accounts[key("f")].replayed.replica_seconds == 3 * 98.0
    assert accounts[key("f")].replayed.changes == 0
