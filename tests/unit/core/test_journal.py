"""The decision log's bytes: everything comes back to the bit, whatever is cut off, damaged or garbage."""

from dataclasses import fields, replace

import numpy as np
import pytest

from autoscaler.core.columns import NOTHING
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Wake
from autoscaler.core.journal.decoder import Decoder, read
from autoscaler.core.journal.encoder import KEY_EVERY_S, Encoder
from autoscaler.core.journal.frames import Frame, Kind, frames
from autoscaler.core.journal.step import Damage, Gap, Head, JournalError, Origin, Recorded, Step
from autoscaler.core.lanes import NO_POLICIES, MetricKind, OtherMetrics
from autoscaler.core.observation import Load, Observation, PanicAverages
from autoscaler.core.reasons import Reason
from autoscaler.core.stages import Stage
from tests.unit.core.fleets import at, budgets, key, make_fleet, make_load, observe
from tests.unit.core.recorded import HEAD, fleet_of, pooled_fleet, run, unlike, written


def steps_of(data: bytes) -> list[Step]:
    return [entry.step for entry in read(data) if isinstance(entry, Recorded)]


def assert_same(expected: list[Step], found: list[Step]) -> None:
    assert len(found) == len(expected)
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        assert unlike(one, other) == [], f"step {number}"


def test_every_step_comes_back_to_the_bit() -> None:
    """Ticks and steps between them, with wakes and boosts, are read as they were written, after their head."""
    steps = run()
    entries = list(read(b"".join(written(steps))))
    assert entries[0] == HEAD
    assert sum(step.observation is None for step in steps) >= 10
    assert_same(steps, [entry.step for entry in entries[1:] if isinstance(entry, Recorded)])


def test_budgets_and_their_accounts_come_back_to_the_bit() -> None:
    """Pools, guarantees and what a tick's budgets came to are read as they were, whether or not as many as functions."""
    fleets = [pooled_fleet("abc"), pooled_fleet("abcd"), fleet_of("abcdef"), pooled_fleet("ab")]
    steps = run(80, fleets=fleets)
    told = [step.decisions.accounts for step in steps if step.decisions.accounts is not None]
    assert {len(one.asked) for one in told} >= {2, 3, 4}
    assert any(one.lent.any() for one in told)
    assert_same(steps, steps_of(b"".join(written(steps))))


def test_accounts_are_no_rows_though_they_be_as_many() -> None:
    """A tick that decides two rows of twelve writes the accounts of two tenants, which are told whole."""
    functions = [(tenant, f"f{number}", {"zero_after_s": 0.0}) for tenant in "ab" for number in range(6)]
    fleet = make_fleet(functions, budgets=budgets(5, {}, {"guarantee": 1.0}))
    rps = np.where(np.arange(12) % 6 == 0, 40.0, 0.0)
    controller, steps = Controller(None), []
    for number in range(6):
        seen = observe(
            fleet, np.where(rps > 0, 3.0, 0.0), rps=rps + number * (rps > 0), is_idle=rps == 0, in_flight=0.0
        )
        steps.append(Step(at(2.0 * number), seen, (), controller.step(at(2.0 * number), seen, ())))
    assert len(steps[-1].decisions.rows) == len(fleet.tenants) == 2
    data = b"".join(written(steps))
    assert_same(steps, steps_of(data))
    decoder = Decoder()
    for frame in frames(data):
        assert isinstance(frame, Frame)
        decoder.take(frame)
    last = steps[-1].decisions
    assert decoder.decisions_on(6).record(0).budget == last.record(1).budget


def test_one_row_of_a_log_has_its_tenants_account() -> None:
    """What is read of one row alone has the account of all tenants, and makes the same record."""
    steps = [step for step in run(20, fleets=[pooled_fleet("abc")]) if step.observation is not None]
    decoder = Decoder()
    for frame in frames(b"".join(written(steps))):
        assert isinstance(frame, Frame)
        decoder.take(frame)
    last, row = steps[-1].decisions, int(steps[-1].decisions.rows[-1])
    assert decoder.decisions_on(row).record(0).budget == last.record(len(last.rows) - 1).budget
    assert last.is_tick


def test_functions_that_come_and_go_and_are_made_anew() -> None:
    """A fleet with others in between, fewer, none at all, or the same names with another uid is read as it was."""
    recreated = make_fleet([("ns", name, {"target_rps": 7.0}) for name in "abc"], uids={"b": "another"})
    fleets = [fleet_of("abcdef"), fleet_of("aabcdefg"[1:]), fleet_of("bdz"), recreated, make_fleet([]), fleet_of("xa")]
    steps = []
    for number, fleet in enumerate(fleets):
        controller = Controller(None)
        for tick in range(3):
            seconds = number * 10.0 + tick
            seen = observe(fleet, 2.0, rps=float(tick * 30))
            steps.append(Step(at(seconds), seen, (), controller.step(at(seconds), seen, ())))
    assert_same(steps, steps_of(b"".join(written(steps))))


def test_only_the_rows_that_a_fleet_adds_are_written_again() -> None:
    """One function more among a thousand costs a small part of what the fleet cost at first."""
    names = [f"function-{number:05d}" for number in range(1_000)]
    steps = run(4, fleets=[fleet_of(names), fleet_of([*names[:500], "another", *names[500:]])])
    sizes = [frame.end - frame.offset for frame in frames(b"".join(written(steps))) if frame.kind is Kind.FLEET]
    assert len(sizes) == 2
    assert sizes[1] < sizes[0] / 5


def test_steps_before_the_first_observation() -> None:
    """Events that come before any function is known are kept, and those steps decide nothing."""
    controller, fleet = Controller(None), fleet_of("ab")
    events = (Wake(key("a"), 2),)
    first = Step(at(0.0), None, events, controller.step(at(0.0), None, events))
    seen = observe(fleet, 0.0, rps=0.0)
    second = Step(at(1.0), seen, (), controller.step(at(1.0), seen, ()))
    found = steps_of(b"".join(written([first, second])))
    assert_same([first, second], found)
    assert len(found[0].decisions.fleet) == 0
    assert found[1].decisions.fleet is found[1].observation.fleet  # type: ignore[union-attr]


GARBAGE = [
    np.nan,
    -np.nan,
    np.inf,
    -np.inf,
    -0.0,
    5e-324,
    1.7976931348623157e308,
    float(np.frombuffer(b"\x01\x02\x03\x04\x05\x06\xf8\x7f", np.float64)[0]),
]


def test_any_float_whatever_comes_back() -> None:
    """Payloads of nan, signed zeros, infinities and denormals are the same bits afterwards."""
    fleet = fleet_of("abcdefgh")
    controller = Controller(None)
    steps = []
    for tick in range(6):
        column = np.roll(np.array(GARBAGE), tick)
        seen = observe(fleet, 1.0, rps=column, concurrency=-column, in_flight=column, range_s=column, ready=column)
        steps.append(Step(at(tick), seen, (), controller.step(at(tick), seen, ())))
    assert_same(steps, steps_of(b"".join(written(steps))))


def test_everything_that_is_seldom_there() -> None:
    """Further metrics, panic averages and obstacles are kept, and a tick without them is one without them again."""
    others = OtherMetrics(
        np.array([0, 0, 2]),
        np.full(3, MetricKind.QUERY, np.uint8),
        ("one", "läng\nest", ""),
        np.ones(3),
        np.zeros(3, bool),
    )
    fleet = replace(fleet_of("abc"), others=others)
    full = replace(
        make_load(3, rps=4.0),
        others=np.array([1.0, np.nan, 3.0]),
        others_idle=np.array([True, False, False]),
        panic=PanicAverages(np.ones(3), np.full(3, np.nan)),
    )
    plain = make_load(3, rps=5.0)
    controller, steps = Controller(None), []
    for tick, load in enumerate((full, plain, full, full)):
        seen = observe(fleet, 1.0)
        seen = replace(seen, load=load, obstacle=np.arange(3, dtype=np.uint8) if tick % 2 else seen.obstacle)
        steps.append(Step(at(tick), seen, (), controller.step(at(tick), seen, ())))
    found = steps_of(b"".join(written(steps)))
    assert_same(steps, found)
    assert found[1].observation is not None
    assert found[1].observation.load.others is NOTHING
    assert found[1].observation.fleet.rate_up is NO_POLICIES
    assert found[1].observation.fleet.others.names == others.names


def test_decisions_on_some_rows_of_a_tick() -> None:
    """A tick that leaves rows at rest out is read with just the rows that it has."""
    steps = run(6)
    thinned = []
    for number, step in enumerate(steps):
        rows = np.arange(number % 3, step.decisions.rows.size, 2)
        columns = {f.name: getattr(step.decisions, f.name) for f in fields(step.decisions)}
        chosen: dict[str, object] = {
            name: column[..., rows]
            for name, column in columns.items()
            if isinstance(column, np.ndarray) and column.shape[-1] == step.decisions.rows.size
        }
        place_of = {int(row): place for place, row in enumerate(rows)}
        chosen["applied"] = tuple(
            change._replace(
                rows=np.array([place_of[row] for row in change.rows.tolist() if row in place_of], np.int64),
                before=change.before[np.isin(change.rows, rows)],
            )
            for change in step.decisions.applied
        )
        thinned.append(replace(step, decisions=Decisions(**(columns | chosen))))
    assert_same(thinned, steps_of(b"".join(written(thinned))))


def test_a_quiet_tick_costs_little() -> None:
    """A tick in which nothing changes for a thousand functions takes less than 300 bytes, a changed row 40 more."""
    fleet = fleet_of([f"function-{number:05d}" for number in range(1_000)])
    controller, encoder = Controller(None), Encoder(HEAD)
    sizes = []
    for tick in range(4):
        rps = np.full(1_000, 5.0)
        rps[:10] += 0.1 * (tick == 3) * np.arange(10)
        seen = observe(fleet, 1.0, rps=rps)
        step = Step(at(tick * 2.0), seen, (), controller.step(at(tick * 2.0), seen, ()))
        sizes.append(len(encoder.frames(step, lambda _: Origin())))
    assert sizes[2] < 300
    assert sizes[3] < sizes[2] + 10 * 40


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.6, 0.85, 0.999])
def test_a_torn_tail_loses_only_what_is_behind_it(share: float) -> None:
    """Cut off anywhere, as `kill -9` does, a log gives every step whose frame is whole, and says nothing of the rest."""
    steps = run(20)
    pieces = written(steps)
    data = b"".join(pieces)
    cut = int(len(data) * share)
    whole = int(np.searchsorted(np.cumsum([len(piece) for piece in pieces]), cut, side="right"))
    entries = list(read(data[:cut]))
    assert not [entry for entry in entries if isinstance(entry, Damage)]
    assert_same(steps[:whole], [entry.step for entry in entries if isinstance(entry, Recorded)])


def test_damage_is_said_and_reading_goes_on_at_the_next_whole_tick() -> None:
    """One wrong bit in the middle loses the ticks up to the next whole one, and no step after it is wrong."""
    steps = run(40, every_s=KEY_EVERY_S / 10)
    pieces = written(steps)
    data = bytearray(b"".join(pieces))
    data[sum(map(len, pieces[:5])) + len(pieces[5]) // 2] ^= 1
    entries = list(read(bytes(data)))
    damage = [entry for entry in entries if isinstance(entry, Damage)]
    assert len(damage) == 1
    assert damage[0].resumed is not None
    found = [entry.step for entry in entries if isinstance(entry, Recorded)]
    assert 5 < len(found) < len(steps)
    assert_same(steps[:5], found[:5])
    assert_same(steps[-(len(found) - 5) :], found[5:])


def test_after_damage_to_a_fleet_nothing_is_guessed() -> None:
    """Where the frame of a new fleet is damaged, the rest of the file is given up: its rows belong to nobody known."""
    steps = run(40, every_s=KEY_EVERY_S / 10, fleets=[fleet_of("abcdef"), fleet_of("abxyz")])
    data = bytearray(b"".join(written(steps)))
    second = [frame for frame in frames(bytes(data)) if frame.kind is Kind.FLEET][1]
    data[second.offset + 30] ^= 255
    entries = list(read(bytes(data)))
    assert entries[-1] == Damage(second.offset, None)
    found = [entry.step for entry in entries if isinstance(entry, Recorded)]
    assert_same(steps[: len(found)], found)


@pytest.mark.parametrize("data", [b"kind: Tenant\n", b"\0" * 100, b"ASJ9" + b"\0" * 60])
def test_what_is_no_log_is_refused(data: bytes) -> None:
    """A file of something else, or of a version that is not known, is said to be none."""
    with pytest.raises(JournalError, match="no decision log"):
        list(read(data))


def test_a_file_that_was_just_begun_holds_nothing() -> None:
    """An empty file, or one that was cut off within its very first frame, is a log without steps."""
    assert list(read(b"")) == []
    assert list(read(written(run(1))[0][:20])) == []


def test_lost_steps_leave_a_gap() -> None:
    """Steps that found no room are counted in the log, before the first step after them, which is whole again."""
    steps = run(12)
    encoder = Encoder(HEAD)
    data = b"".join(encoder.frames(step, lambda _: Origin()) for step in steps[:5])
    data += encoder.frames(steps[9], lambda _: Origin(), lost=4)
    entries = list(read(data))
    assert entries[-2] == Gap(4, steps[9].now.utc_s)
    last = entries[-1]
    assert isinstance(last, Recorded)
    assert unlike(last.step, steps[9]) == []


def test_documents_and_marks_come_back_with_their_fleet() -> None:
    """The origin of a fleet is read with its steps, changes with it, and stays one object while the fleet does."""
    first, second = fleet_of("abc"), fleet_of("abcd")
    origins = {
        id(first): Origin({"p": "kind: x"}, ("1", "2", "3")),
        id(second): Origin({"p": "kind: y", "é": "\ud800"}, ("1", "two", "3", "")),
    }
    steps = run(8, fleets=[first, second])
    encoder = Encoder(Head("r", 3, '{"a":1}'))
    data = b"".join(encoder.frames(step, lambda fleet: origins[id(fleet)]) for step in steps)
    entries = [entry for entry in read(data) if isinstance(entry, Recorded)]
    for step, entry in zip(steps, entries, strict=True):
        assert entry.origin == origins[id(step.decisions.fleet)] or (
            entry.origin.documents == origins[id(step.decisions.fleet)].documents
            and entry.origin.marks == origins[id(step.decisions.fleet)].marks
        )
    assert len({id(entry.origin) for entry in entries}) == 2


def test_the_same_steps_give_the_same_bytes() -> None:
    """Writing is a pure function: what was read, written again, is the very log."""
    data = b"".join(written(run(30)))
    assert b"".join(written(steps_of(data))) == data


def test_no_column_is_forgotten() -> None:
    """Every array of an observation and of decisions, whatever it is called, is compared and comes back."""
    step = run(1)[0]
    (found,) = steps_of(b"".join(written([step])))
    assert step.observation is not None
    assert found.observation is not None
    for one, other in ((step.observation, found.observation), (step.observation.load, found.observation.load)):
        for column in fields(one):
            if isinstance(getattr(one, column.name), np.ndarray):
                assert getattr(other, column.name).tobytes() == getattr(one, column.name).tobytes()
    assert {f.name for f in fields(Observation)} >= {"load", "requested", "ready", "waiting"}
    assert {f.name for f in fields(Load)} >= {"rps", "concurrency"}


def test_changes_in_any_order_come_back() -> None:
    """What rules did is kept in its order, also where one rule acts twice, or names its rows in an order of its own."""
    steps = run(20)
    shuffled = []
    for step in steps:
        turned = tuple(
            change._replace(rows=change.rows[::-1].copy(), before=change.before[::-1].copy())
            for change in step.decisions.applied
        )
        columns = {f.name: getattr(step.decisions, f.name) for f in fields(step.decisions)}
        twice = (*step.decisions.applied, *turned, *step.decisions.applied)
        shuffled.append(replace(step, decisions=Decisions(**(columns | {"applied": twice}))))
    assert max(len(step.decisions.applied) for step in steps) >= 2
    found = steps_of(b"".join(written(shuffled)))
    assert_same(shuffled, found)
    kinds = {(type(change.stage), type(change.reason)) for step in found for change in step.decisions.applied}
    assert kinds == {(Stage, Reason)}


def test_one_function_is_told_as_all_are() -> None:
    """Picking one row out of a step gives its very record, in panic mode, at rest or not decided, and its outline agrees."""
    rules = {"target_rps": 10.0, "panic_window_s": 6.0, "panic_threshold": 2.0, "zero_after_s": 10.0}
    calm = {"target_rps": 10.0, "zero_after_s": 10.0}
    fleet = make_fleet([("ns", name, rules if name in "abd" else calm) for name in "abcdefghijklmnop"])
    controller, encoder, decoder = Controller(None), Encoder(HEAD), Decoder()
    seen_panicking, seen_resting = set(), 0
    replicas = np.array([1.0, 1.0, 0.0, 1.0] + [0.0] * 12)
    for tick in range(60):
        rps = np.array([200.0 if tick > 10 else 10.0, 10.0, 0.0, 150.0 if tick > 20 else 10.0] + [0.0] * 12)
        seen = observe(
            fleet,
            replicas,
            rps=rps,
            in_flight=np.floor(rps / 20),
            is_idle=rps == 0,
            range_s=np.where(rps == 0, 60.0, 2.0),
        )
        step = Step(at(tick * 2.0), seen, (), controller.step(at(tick * 2.0), seen, ()))
        for frame in frames(encoder.frames(step, lambda _: Origin())):
            assert isinstance(frame, Frame)
            decoder.take(frame)
        decided = step.decisions
        replicas = decided.of_rows(decided.desired, np.arange(16))
        for row in range(16):
            found = decoder.decisions_on(row)
            outline = decoder.outline(row)
            if row not in decided.rows:
                seen_resting += 1
                assert outline is None
                assert row not in found.rows
                assert found.whole().record(row) == decided.whole().record(row)
                continue
            expected = decided.record(decided.rows.tolist().index(row))
            assert found.record(0) == expected
            assert outline is not None
            assert (outline[0] != outline[1]) == (expected.requested != expected.desired)
            if expected.is_panicking:
                seen_panicking.add(row)
    assert seen_panicking == {0, 3}
    assert seen_resting > 0
