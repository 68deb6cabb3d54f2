"""The judges themselves: they find what is wrong and let pass what is right."""

import pytest

from tests.cluster.faults.judging import Rule, TrueLoad, least_allowed, oscillations, trespasses, unjustified_shrinks
from tests.servers.recorder import Change, writer_of_replicas

RULE = Rule()
SHOP = ("acme-prod", "shop")


def changed(at_s: float, old: int, new: int, manager: str = "autoscaler", namespace: str = "acme-prod") -> Change:
    return Change(at_s, namespace, "shop", "uid-1", old, new, manager)


def loaded(*steps: tuple[float, float]) -> TrueLoad:
    return TrueLoad({SHOP: list(steps)})


def test_a_mean_weighs_each_stretch_by_its_length() -> None:
    """Two seconds at 10 and two at 20 are 15 on average; before the first step there was nothing."""
    load = loaded((10.0, 10.0), (12.0, 20.0))
    assert load.mean(SHOP, 10.0, 14.0) == pytest.approx(15.0)
    assert load.mean(SHOP, 8.0, 12.0) == pytest.approx(5.0)
    assert load.mean(("acme-prod", "unknown"), 0.0, 10.0) == 0.0


@pytest.mark.parametrize(("per_s", "wanted"), [(0.0, 0), (1.0, 1), (25.0, 3), (30.0, 3), (31.0, 4), (500.0, 8)])
def test_a_fresh_daemon_wants_the_ceiling_within_the_bounds(per_s: float, wanted: int) -> None:
    """What replicas are compared with after a fault follows from policy and load alone."""
    assert RULE.wants(per_s) == wanted


def test_a_cut_under_constant_load_is_found() -> None:
    """25/s ask for 3: a cut to 2 has no reason, one from 5 to 3 has."""
    load = loaded((0.0, 25.0))
    assert unjustified_shrinks([changed(100.0, 3, 2)], load, RULE) == [changed(100.0, 3, 2)]
    assert unjustified_shrinks([changed(100.0, 5, 3)], load, RULE) == []


def test_a_cut_that_falling_load_asks_for_passes_and_one_before_its_time_is_found() -> None:
    """After load fell from 45 to 15 the window and the stabilization must have passed before the cut to 2."""
    load = loaded((0.0, 45.0), (100.0, 15.0))
    assert unjustified_shrinks([changed(106.1, 5, 2)], load, RULE) == []
    assert unjustified_shrinks([changed(101.0, 5, 2)], load, RULE) == [changed(101.0, 5, 2)]


def test_a_cut_below_a_load_that_rose_again_long_ago_is_found() -> None:
    """A lull is a reason for as long as the lag, and not after it."""
    load = loaded((0.0, 45.0), (100.0, 15.0), (110.0, 45.0))
    assert unjustified_shrinks([changed(112.0, 5, 2)], load, RULE) == []
    assert unjustified_shrinks([changed(125.0, 5, 2)], load, RULE) == [changed(125.0, 5, 2)]


def test_a_short_lull_that_the_look_back_may_miss_is_a_reason() -> None:
    """A lull of 3.3 s: ticks see whole scrapes, so of a look-back of 2 s half a second is sure; seen in a soak run."""
    steps = ((0.0, 25.0), (100.0, 5.0), (103.3, 35.0), (105.6, 5.0))
    assert unjustified_shrinks([changed(104.6, 2, 1)], loaded(*steps), RULE) == []
    assert unjustified_shrinks([changed(102.0, 2, 1)], loaded(*steps), RULE) == [changed(102.0, 2, 1)]


def test_zero_needs_silence() -> None:
    """The last replica may go only when nothing was called for as long as the policy says."""
    load = loaded((0.0, 1.0), (100.0, 0.0))
    assert least_allowed(SHOP, 103.0, load, RULE) == 1
    assert least_allowed(SHOP, 107.0, load, RULE) == 0


def test_what_others_cut_is_not_judged() -> None:
    """Somebody else's cut is no shrink of ours."""
    assert unjustified_shrinks([changed(100.0, 3, 0, "kubectl-scale")], loaded((0.0, 25.0)), RULE) == []


def test_writes_to_unclaimed_namespaces_are_found_even_if_they_changed_nothing() -> None:
    """A changed count counts, and so does a field that we own."""
    changes = [changed(1.0, 1, 2), changed(1.0, 1, 2, namespace="elsewhere"), changed(1.0, 2, 1, "x", "other")]
    touched = [("acme-prod", "shop"), ("kube-system", "dns")]
    assert trespasses(changes, touched, {"acme-prod"}) == [("elsewhere", "shop"), ("kube-system", "dns")]


def test_up_down_up_under_constant_load_is_an_oscillation() -> None:
    """Three turns within the window are found; two, or three over a longer time, are not."""
    load = loaded((0.0, 25.0))
    swings = [changed(100.0, 3, 4), changed(105.0, 4, 3), changed(110.0, 3, 4)]
    assert oscillations(swings, load, RULE) == [swings]
    assert oscillations(swings[:2], load, RULE) == []
    assert oscillations([*swings[:2], changed(200.0, 3, 4)], load, RULE) == []


def test_a_rise_in_two_steps_is_no_oscillation() -> None:
    """Up, up, down are two turns."""
    steps = [changed(100.0, 1, 2), changed(101.0, 2, 4), changed(110.0, 4, 3)]
    assert oscillations(steps, loaded((0.0, 25.0)), RULE) == []


def test_swings_that_follow_the_load_are_no_oscillation() -> None:
    """Where load changed, replicas must."""
    load = loaded((0.0, 25.0), (99.0, 35.0), (104.0, 25.0), (109.0, 35.0))
    swings = [changed(100.0, 3, 4), changed(111.0, 4, 3), changed(112.0, 3, 4)]
    assert oscillations(swings, load, RULE) == []


def test_two_objects_of_one_name_do_not_swing_together() -> None:
    """A recreated Deployment starts anew."""
    load = loaded((0.0, 25.0))
    swings = [changed(100.0, 3, 4), changed(105.0, 4, 3), changed(110.0, 3, 4)._replace(uid="uid-2")]
    assert oscillations(swings, load, RULE) == []


def test_the_writer_is_who_owns_the_field_since_last() -> None:
    """Of several owners of `spec.replicas` the latest wrote it; owners of other fields did not."""
    fields: dict[str, object] = {"f:spec": {"f:replicas": {}}}
    document = {
        "metadata": {
            "managedFields": [
                {"manager": "applier", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields},
                {"manager": "autoscaler", "time": "2026-01-01T00:00:09Z", "fieldsV1": fields},
                {"manager": "controller", "time": "2026-01-01T00:00:10Z", "fieldsV1": {"f:status": {}}},
            ]
        }
    }
    assert writer_of_replicas(document) == "autoscaler"
    assert writer_of_replicas({"metadata": {}}) == ""
