"""Lines: tenants take turns, and within a tenant who came first goes first."""

from collections.abc import Collection

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.fairness import Line


def keys(tenant: str, count: int) -> list[FunctionKey]:
    return [FunctionKey(tenant, f"f{number:05}") for number in range(count)]


def popped(line: Line, gone: Collection[FunctionKey] = ()) -> list[str]:
    """Take everybody out of a line."""
    order = []
    while (key := line.pop(lambda key: key not in gone)) is not None:
        order.append(str(key))
    return order


def test_one_tenants_thousands_do_not_delay_anothers_single_one() -> None:
    """Behind 20,000 of one tenant, the one of another that comes last is second."""
    line = Line()
    line.join("large", keys("large", 20_000), 0.0)
    line.join("small", keys("small", 1), 1.0)
    assert popped(line)[:3] == ["large/f00000", "small/f00000", "large/f00001"]


def test_tenants_take_turns_until_each_is_done() -> None:
    """Three tenants with three, one and two go round and round, each in the order in which its own came."""
    line = Line()
    for tenant, count in (("a", 3), ("b", 1), ("c", 2)):
        line.join(tenant, keys(tenant, count), 0.0)
    assert popped(line) == ["a/f00000", "b/f00000", "c/f00000", "a/f00001", "c/f00001", "a/f00002"]


def test_who_is_in_line_keeps_its_place() -> None:
    """Joining again, behind others, changes nothing."""
    line = Line()
    line.join("a", keys("a", 2), 0.0)
    line.join("a", [FunctionKey("a", "new"), *reversed(keys("a", 2))], 5.0)
    assert len(line) == 3
    assert popped(line) == ["a/f00000", "a/f00001", "a/new"]
    assert len(line) == 0


def test_those_who_left_take_no_turn_from_their_tenant() -> None:
    """A tenant whose first thousand left is served in the same round as the others."""
    line = Line()
    line.join("a", keys("a", 1_001), 0.0)
    line.join("b", keys("b", 3), 0.0)
    assert popped(line, gone=keys("a", 1_000)) == ["a/f01000", "b/f00000", "b/f00001", "b/f00002"]


def test_a_tenant_that_comes_back_waits_for_one_round() -> None:
    """A tenant that was done and joins again goes after each of the others once, not before them."""
    line = Line()
    line.join("a", keys("a", 1), 0.0)
    line.join("b", keys("b", 2), 0.0)
    line.join("c", keys("c", 2), 0.0)
    assert str(line.pop(lambda _: True)) == "a/f00000"
    line.join("a", keys("a", 1), 1.0)
    assert popped(line) == ["b/f00000", "c/f00000", "a/f00000", "b/f00001", "c/f00001"]


def test_keeping_some_leaves_the_order_of_the_rest() -> None:
    """Letting those go that left changes neither turns nor places nor ages."""
    line = Line()
    line.join("a", keys("a", 3), 0.0)
    line.join("b", keys("b", 1), 1.0)
    line.join("c", keys("c", 2), 2.0)
    kept = {*keys("a", 3)[1:], *keys("c", 2)}
    line.keep(kept.__contains__)
    assert len(line) == 4
    assert line.oldest_since_s(lambda _: True) == 0.0
    assert popped(line) == ["a/f00001", "c/f00000", "a/f00002", "c/f00001"]


@pytest.mark.parametrize(("gone", "since_s"), [((), 3.0), (keys("a", 1), 7.0), ([*keys("a", 2)], 5.0)])
def test_the_oldest_is_the_oldest_of_those_who_still_wait(gone: Collection[FunctionKey], since_s: float) -> None:
    """The age of a line is that of whoever waits longest in any tenant's, those who left apart."""
    line = Line()
    line.join("a", keys("a", 1), 3.0)
    line.join("b", keys("b", 1), 9.0 if gone == keys("a", 1) else 5.0)
    line.join("a", keys("a", 2), 7.0)
    assert line.oldest_since_s(lambda key: key not in gone) == since_s


def test_an_empty_line_has_no_age_and_nobody_next() -> None:
    """Nobody waits: no key, no age."""
    line = Line()
    line.join("a", [], 0.0)
    assert (line.pop(lambda _: True), line.oldest_since_s(lambda _: True), line.next_since_s()) == (None, None, None)
