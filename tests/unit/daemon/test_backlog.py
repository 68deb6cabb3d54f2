"""The backlog: the newest wish of each function, in its place."""

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.backlog import STALE, Backlog
from autoscaler.daemon.wishes import SHARE, Urgency, Wish, Wishes
from tests.unit.daemon.fakes import counts
from tests.unit.daemon.wishing import wish, wished

A, B = FunctionKey("n", "a"), FunctionKey("n", "b")


def taken(backlog: Backlog, urgency: Urgency) -> list[Wish]:
    """Take everything of an urgency."""
    while backlog.admit():
        pass
    result = []
    while (one := backlog.next(urgency)) is not None:
        backlog.drop(one.change.key)
        result.append(one)
    return result


def names(wishes: list[Wish]) -> list[tuple[str, int, int]]:
    return counts(one.change for one in wishes)


def numbers(backlog: Backlog) -> list[int]:
    return [backlog.count(urgency) for urgency in Urgency]


def test_a_ticks_wishes_wait_by_urgency() -> None:
    """Each wish of a tick is in the line of its urgency, and counted there until it is taken."""
    backlog = Backlog()
    backlog.renew(wished([wish("n/a", 0, 1), wish("n/b", 2, 5), wish("n/c", 5, 2), wish("n/d", 4, 0)]), 0.0)
    assert numbers(backlog) == [1, 1, 2]
    assert names(taken(backlog, Urgency.CUT)) == [("n/c", 5, 2), ("n/d", 4, 0)]
    assert names(taken(backlog, Urgency.WAKE)) == [("n/a", 0, 1)]
    assert numbers(backlog) == [0, 1, 0]


def test_a_tick_replaces_what_was_wanted_and_keeps_places() -> None:
    """Who is wished for again goes before who is new; what is no longer wished for is gone."""
    backlog = Backlog()
    backlog.renew(wished([wish("n/y", 1, 2), wish("n/z", 1, 2)]), 0.0)
    backlog.admit()
    backlog.renew(wished([wish("n/a", 1, 2), wish("n/z", 1, 7)]), 2.0)
    assert names(taken(backlog, Urgency.RAISE)) == [("n/z", 1, 7), ("n/a", 1, 2)]


def test_a_wish_of_another_urgency_changes_the_line() -> None:
    """A cut that becomes a raise is taken as a raise, and not as a cut."""
    backlog = Backlog()
    backlog.renew(wished([wish("n/a", 5, 2)]), 0.0)
    backlog.admit()
    backlog.put(wish("n/a", 5, 7), 1.0)
    assert numbers(backlog) == [0, 1, 0]
    assert taken(backlog, Urgency.CUT) == []
    assert names(taken(backlog, Urgency.RAISE)) == [("n/a", 5, 7)]


def test_what_changes_nothing_is_not_wanted() -> None:
    """A wish that comes to the count that is there takes the former one back."""
    backlog = Backlog()
    backlog.put(wish("n/a", 5, 2), 0.0)
    backlog.put(wish("n/a", 5, 5), 1.0)
    assert A not in backlog
    assert len(backlog) == 0
    assert taken(backlog, Urgency.CUT) == []


def test_what_waits_elsewhere_stays_wanted_and_joins_later() -> None:
    """A function that backs off is not put in line by a tick, and is in line once it joins."""
    backlog = Backlog()
    backlog.renew(wished([wish("n/a", 1, 2), wish("n/b", 1, 2)]), 0.0)
    backlog.admit(apart={A})
    first = backlog.next(Urgency.RAISE)
    assert first is not None
    assert first.change.key == B
    assert backlog.next(Urgency.RAISE) is None
    assert A in backlog
    backlog.join(A, 5.0)
    assert backlog.next(Urgency.RAISE) == wish("n/a", 1, 2)


def test_a_large_tick_joins_a_share_at_a_time() -> None:
    """Of 5,000 raises of one tenant, each turn lets 2,000 in at most, and all are taken in the end."""
    backlog = Backlog()
    many = wished([wish(f"n/f{number:05}", 1, 2) for number in range(SHARE)])
    more = wished([wish(f"m/f{number:05}", 1, 2) for number in range(10)])
    both = Wishes(
        keys=[*many.keys, *more.keys],
        uids=[*many.uids, *more.uids],
        tenants=[*many.tenants, *more.tenants],
        olds=[*many.olds, *more.olds],
        news=[*many.news, *more.news],
        shares=[*many.shares, *more.shares],
        places={key: place for place, key in enumerate([*many.keys, *more.keys])},
    )
    backlog.renew(both, 0.0)
    assert backlog.admit()
    assert not backlog.admit()
    assert len(taken(backlog, Urgency.RAISE)) == SHARE + 10


@pytest.mark.parametrize("left", [0, 1])
def test_a_line_that_most_have_left_is_gone_through(left: int) -> None:
    """After a tick that wants next to nothing of what thousands waited for, the line holds only what is wanted."""
    backlog = Backlog()
    backlog.renew(wished([wish(f"n/f{number:05}", 5, 2) for number in range(STALE + 500)]), 0.0)
    backlog.admit()
    backlog.renew(wished([wish(f"n/f{number:05}", 5, 2) for number in range(left)]), 2.0)
    backlog.admit()
    assert backlog.has_line(Urgency.CUT) == bool(left)
    assert len(taken(backlog, Urgency.CUT)) == left


def test_wishes_taken_out_of_a_step_are_not_counted() -> None:
    """A step's wishes without some of its functions are as many as remain."""
    backlog = Backlog()
    backlog.renew(wished([wish("n/a", 5, 0), wish("n/b", 5, 0), wish("n/c", 1, 2)]).without({A}), 0.0)
    assert numbers(backlog) == [0, 1, 1]
    assert names(taken(backlog, Urgency.CUT)) == [("n/b", 5, 0)]


def test_nothing_is_left_after_a_clear() -> None:
    """What was wanted, in line or about to join, is forgotten."""
    backlog = Backlog()
    backlog.renew(wished([wish("n/a", 1, 2)]), 0.0)
    backlog.put(wish("n/b", 0, 2), 0.0)
    backlog.clear()
    assert numbers(backlog) == [0, 0, 0]
    assert [taken(backlog, urgency) for urgency in Urgency] == [[], [], []]


def test_ages_are_of_those_in_line() -> None:
    """The longest wait of a class counts from joining the line; a class without anybody has waited 0."""
    backlog = Backlog()
    backlog.renew(wished([wish("n/a", 1, 2)]), 10.0)
    backlog.admit()
    backlog.renew(wished([wish("n/a", 1, 3), wish("n/b", 1, 2)]), 20.0)
    backlog.admit()
    assert backlog.longest_waited_s(Urgency.RAISE, 25.0) == 15.0
    assert backlog.next_waited_s(Urgency.RAISE, 25.0) == 15.0
    assert backlog.longest_waited_s(Urgency.WAKE, 25.0) == 0.0
