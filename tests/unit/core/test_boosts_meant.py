"""What a boost that is told again still means, and that there is place for it."""

from autoscaler.core.boosts import PAIRS_PER_TENANT, Boosts
from autoscaler.core.controller import Controller
from autoscaler.core.events import BoostFiring, BoostResolved, Effect
from tests.unit.core.fleets import at, key, make_fleet, observe, stepped
from tests.unit.core.test_boosts import three

F, G = key("f", "acme"), key("g", "acme")
FLEET = make_fleet([("acme", "f", {}), ("acme", "g", {}), ("other", "f", {})])


def firing(*keys: object, name: str = "b", ends_s: float = 99.0, effect: Effect = Effect.BOOST) -> BoostFiring:
    return BoostFiring(name, keys, 1.0, 0.0, ends_s, effect, 5.0)


def test_a_function_that_an_alert_no_longer_means_is_let_go() -> None:
    """Its policy has no such rule any more: repetitions for the others do not hold it up, and no later one brings it back."""
    controller = Controller(None)
    stepped(controller, 0, observe(FLEET, 1, rps=10.0))
    assert stepped(controller, 1, None, [firing(F, G)]).desired.tolist() == [5, 5]
    for t in (2, 4):
        stepped(controller, t, None, [firing(F, ends_s=200.0 + t)])
        assert stepped(controller, t + 1, observe(FLEET, 1, rps=10.0)).desired.tolist() == [5, 1, 1]
    assert [(boost.keys, boost.floors) for boost in controller.boosts(at(5))] == [((F,), (5,))]


def test_what_is_let_go_makes_room_and_another_may_come() -> None:
    """Of four places one is free again; a function meant anew gets its own floor, in the same step too."""
    boosts = Boosts(pairs_per_tenant=4)
    boosts.fire([firing(F, G), firing(F, G, name="c")], FLEET, three, 1.0)
    boosts.fire([firing(F)], FLEET, three, 2.0)
    boosts.fire([firing(F, name="d")], FLEET, three, 3.0)
    boosts.fire([firing(G, name="e")], FLEET, three, 3.0)
    assert boosts.refused == 1
    boosts.resolve("d")
    boosts.lift(4.0)
    boosts.fire([firing(F), firing(G)], FLEET, three, 4.0)  # of two levels the later holds
    shown = {boost.id: boost.keys for boost in boosts.in_force(4.0)}
    assert shown == {"b": (G,), "c": (F, G)}
    for name in "bc":
        boosts.resolve(name)
    boosts.lift(5.0)
    boosts.fire([firing(F, G, name=f"{n}") for n in range(3)], FLEET, three, 6.0)
    assert len(boosts.in_force(6.0)) == 2


def test_a_freeze_of_every_function_leaves_place_for_boosts() -> None:
    """However many functions a tenant has, all of them can be frozen at a start, and boosted all the same."""
    fleet, boosts = make_fleet([("acme", f"f{n:06}", {}) for n in range(PAIRS_PER_TENANT // 2 + 100)]), Boosts()
    both = [firing(*fleet.keys, name="restart", effect=Effect.FREEZE), firing(*fleet.keys)]
    boosts.fire(both, fleet, three, 1.0)
    assert (boosts.refused, len(boosts.in_force(1.0))) == (0, 2)


def test_a_freeze_that_no_longer_means_a_function_lets_load_lower_it() -> None:
    """What is frozen follows what the alert means, and a resolved one ends for all."""
    controller = Controller(None)
    stepped(controller, 0, observe(FLEET, 5, rps=50.0))
    stepped(controller, 1, None, [firing(F, G, effect=Effect.FREEZE)])
    stepped(controller, 2, None, [firing(G, effect=Effect.FREEZE)])
    for t in range(3, 200, 2):
        desired = stepped(controller, t, observe(FLEET, 5, rps=10.0)).desired.tolist()
        if t < 99:
            assert desired[1] == 5
        if t == 97:
            assert desired == [1, 5, 1]
    assert desired == [1, 1, 1]
    stepped(controller, 200, None, [BoostResolved("b")])
