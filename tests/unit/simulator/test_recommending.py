"""Recommendations: the search for sizes, and the documents that come of it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.loading import load
from autoscaler.simulator.recommending.choosing import Choice, Sizings, search
from autoscaler.simulator.recommending.clumped_requests import ClumpedRequests
from autoscaler.simulator.recommending.documents import Sized, TenantNumbers, policy_documents, tenant_documents
from autoscaler.simulator.recommending.evaluating import Site, evaluate_by
from autoscaler.simulator.recommending.outcome import Kept
from autoscaler.simulator.recommending.parts import Platform, parts_of
from autoscaler.simulator.recommending.sizing import Sizing
from autoscaler.simulator.recommending.standing import Standing
from autoscaler.simulator.recommending.trying import Measured, Try
from autoscaler.simulator.recommending.writing import joined, yaml_text
from autoscaler.simulator.slo import Slo
from autoscaler.simulator.sweeps.search import Outcome
from tests.unit.simulator.trace_sets.sets import bursts, generator, of_counts, of_requests, poisson

A, B, C = (FunctionKey("shop", name) for name in "abc")
Law = Callable[[Sizing], Outcome]

STANDING = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: shop}
spec:
  namespaces: [shop]
  callers: [{tokenSHA256: "%s"}]
  budget: {replicas: {guarantee: 2, cap: 9, weight: 3}, concurrency: {cap: 500}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: rest, namespace: shop}
spec:
  functions: {names: ["*"]}
  schedules: [{cron: "0 8 * * 1-5", timeZone: Asia/Tokyo, duration: 10h, min: 5}]
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: two, namespace: shop}
spec:
  functions: {names: [a, c]}
  metrics: [{type: cpu, target: 800m}, {type: rps, target: 10}]
  replicas: {min: 4, max: 20}
  concurrencyLimit: 5
""" % ("ab" * 32)


def needs(utilization: float, floor: int = 0, may_zero: bool = True) -> Law:
    """A function that keeps its objective up to a utilization, from a floor on; a replica costs 1 / utilization."""

    def outcome(one: Sizing) -> Outcome:
        held = one.utilization <= utilization and one.min_replicas >= floor
        held = held and (one.zero_after_s is None or (may_zero and one.zero_after_s >= 900))
        cost = 100 / one.utilization + 10 * one.min_replicas + one.stabilization_s / 100
        return Outcome(
            held,
            -0.5 if held else one.utilization,
            cost - (50 - (one.zero_after_s or 0) / 100) * (one.zero_after_s is not None),
        )

    return outcome


def found_by(laws: Mapping[FunctionKey, Law], zero: Sequence[FunctionKey] = (A, B, C)) -> Mapping[FunctionKey, Sizing]:
    def evaluate(tried: Sequence[Sizings]) -> list[dict[FunctionKey, list[Outcome]]]:
        return [{key: [law(sizings[key])] for key, law in laws.items()} for sizings in tried]

    result = search({key: Sizing() for key in laws}, evaluate, 0.1, zero, lambda done, most: None)
    return {key: one.sizing for key, one in result.choices.items()}


def test_each_function_gets_the_cheapest_that_keeps_the_objective() -> None:
    """Functions are searched at once, and none gets what another one needs."""
    found = found_by({A: needs(0.8), B: needs(0.5), C: needs(1.0)}, zero=())
    assert {key: one.utilization for key, one in found.items()} == {A: 0.8, B: 0.5, C: 1.0}
    assert {one.stabilization_s for one in found.values()} == {60.0}


def test_a_floor_is_tried_where_no_utilization_is_enough() -> None:
    """A function that fails at every utilization gets the smallest floor that keeps the objective; others get none."""
    found = found_by({A: needs(0.9, floor=4), B: needs(0.9)}, zero=())
    assert found[A].min_replicas == 5
    assert found[B].min_replicas == 0


def test_replicas_that_stay_are_taken_where_they_are_cheaper() -> None:
    """Headroom may keep an objective and three that stay may keep it for less: then these, at the full target."""

    def bursty(one: Sizing) -> Outcome:
        held = one.utilization <= 0.5 or one.min_replicas >= 3
        return Outcome(held, -0.5 if held else one.utilization, 100 / one.utilization + 10 * one.min_replicas)

    found = found_by({A: bursty, B: needs(1.0)}, zero=())
    assert (found[A].utilization, found[A].min_replicas) == (1.0, 3)
    assert found[B].min_replicas == 0


def test_zero_is_taken_where_it_keeps_the_objective_and_is_allowed() -> None:
    """The shortest keep-alive that keeps the objective, and none where the tenant may not or it breaks it."""
    found = found_by({A: needs(0.8), B: needs(0.8), C: needs(0.8, may_zero=False)}, zero=(A, C))
    assert [found[key].zero_after_s for key in (A, B, C)] == [900.0, None, None]


def test_a_function_without_anything_to_judge_gets_nothing() -> None:
    """Where no seed had a request to judge, nothing is known and nothing is recommended."""

    def evaluate(tried: Sequence[Sizings]) -> list[dict[FunctionKey, list[Outcome]]]:
        return [{A: [Outcome(None, None, 5.0)]} for _ in tried]

    result = search({A: Sizing()}, evaluate, 0.1, (A,), lambda done, most: None)
    assert result.choices[A].is_kept is None


def test_a_bound_that_is_only_just_kept_is_not_kept() -> None:
    """The margin must be kept too, since later traffic is other traffic."""

    def evaluate(tried: Sequence[Sizings]) -> list[dict[FunctionKey, list[Outcome]]]:
        return [{A: [Outcome(True, -0.05, 5.0)]} for _ in tried]

    assert search({A: Sizing()}, evaluate, 0.1, (), lambda done, most: None).choices[A].is_kept is False
    assert search({A: Sizing()}, evaluate, 0.01, (), lambda done, most: None).choices[A].is_kept is True


def test_functions_alike_share_a_document() -> None:
    """One policy for each sizing, that names its functions; documents are free of problems."""
    standing = Standing.read({})
    small, large = Sizing(0.7, 0, 300.0, 60.0), Sizing(0.5, 3, None, 300.0)
    sized = [Sized(A, None, 1, small), Sized(B, None, 1, large), Sized(C, None, 1, small)]
    policies = policy_documents(sized, standing)
    tenants = tenant_documents({"shop": TenantNumbers(["shop"], 3, 20, True)}, standing)
    assert {keys for _, keys in policies.values()} == {(A, C), (B,)}
    text = joined([yaml_text(one) for one in (*tenants.values(), *(one for one, _ in policies.values()))])
    assert not load({"made.yaml": text}).problems
    assert policies["shop/b"][0]["spec"]["replicas"] == {"min": 3}


def test_what_a_recommendation_is_not_about_stays_as_it_is_in_force() -> None:
    """Callers, weights, ceilings, schedules and other metrics are carried over; names move to the new policy."""
    standing = Standing.read({"now.yaml": STANDING})
    sizing = Sizing(0.6, 1, None, 900.0)
    sized = [Sized(A, "shop/two", 5, sizing), Sized(B, "shop/rest", 5, sizing), Sized(C, "shop/two", 5, None)]
    policies = {name: one for name, (one, _) in policy_documents(sized, standing).items()}
    tenant = tenant_documents({"shop": TenantNumbers(["shop"], 4, 12, False)}, standing)["shop"]
    assert tenant["spec"]["budget"] == {
        "replicas": {"guarantee": 4, "cap": 12, "weight": 3},
        "concurrency": {"cap": 500},
    }
    assert tenant["spec"]["callers"]
    assert policies["shop/two"]["spec"]["functions"] == {"names": ["c"]}
    assert policies["shop/rest"]["spec"]["functions"] == {"names": ["*"]}
    of_a = policies["shop/a"]["spec"]
    assert of_a["metrics"] == [
        {"type": "concurrency", "target": 5, "utilization": 0.6},
        {"type": "cpu", "target": "800m"},
    ]
    assert of_a["replicas"] == {"min": 1, "max": 20}
    assert policies["shop/b"]["spec"]["schedules"]
    text = joined([yaml_text(one) for one in (tenant, *policies.values())])
    assert not load({"made.yaml": text}).problems


@pytest.mark.parametrize("cap", [None, 7])
def test_the_search_lifts_caps(cap: int | None) -> None:
    """While sizes are looked for no budget binds; afterwards the cap that was found does."""
    standing = Standing.read({"now.yaml": STANDING})
    spec = tenant_documents({"shop": TenantNumbers(["shop"], None, cap, False)}, standing)["shop"]["spec"]
    assert spec.get("budget", {}).get("replicas", {}).get("cap") == cap


def test_what_nobody_called_later_was_not_seen_kept() -> None:
    """A promise counts as kept where it was tried and held in every run, not where there was nothing to try it on."""
    promised = Choice(Sizing(), True, 1.0, -0.5)
    seen, untried, missed = (Kept(A, promised, held, of, None, 0, {}) for held, of in ((10, 10), (0, 0), (9, 10)))
    assert [one.is_seen_kept for one in (seen, untried, missed)] == [True, False, False]
    assert [one.is_untried for one in (seen, untried, missed)] == [False, True, False]
    assert [one.is_missed for one in (seen, untried, missed)] == [False, False, True]


def test_the_first_part_is_learned_in_pieces_as_long_as_the_later_one() -> None:
    """So a promise that is to hold on the later part has held on stretches of its length; the pieces are the whole."""
    trace = of_requests(poisson(0.5, 3_000.0), length_s=3_000.0)
    platform = Platform(0.1, 5.0, 1, 2.0)
    lengths_s = {
        learn: [one[0].duration for one in parts_of(trace, learn, platform).stretches] for learn in (0.5, 0.67, 0.9)
    }
    assert lengths_s == {
        0.5: [pytest.approx(1_500)],
        0.67: [pytest.approx(1_005)] * 2,
        0.9: [pytest.approx(675)] * 4,
    }
    assert len(parts_of(of_requests(poisson(0.5, 100.0), length_s=100.0), 0.9, platform).stretches) == 1


def test_counted_requests_come_in_clumps_in_every_part() -> None:
    """Counts of bursts are not spread evenly, what a part counted arrives in it, and what was taken of them is told."""
    counts = np.bincount((bursts(0.5, 40.0, (20.0, 2.0), 3_600.0) / 15.0).astype(np.int64), minlength=240)[:240]
    trace = of_counts(counts[None], 15.0)
    parts = parts_of(trace, 0.6, Platform(0.5, 5.0, 4, 2.0))
    (key,) = (one.key for one in trace)
    assert parts.clumps[key].basis == "steps"
    assert parts.clumps[key].growth > 1.2
    for part, expected in (
        (parts.learned, counts[:144]),
        (parts.later, counts[144:]),
        (parts.stretches[0], counts[:72]),
    ):
        (one,) = part[1].functions
        assert isinstance(one.workload, ClumpedRequests)
        assert one.workload.rho
        times_s = one.workload.between(0.0, part[0].duration, generator())
        assert np.bincount((times_s / 15).astype(np.int64), minlength=len(expected)).tolist() == expected.tolist()


def test_an_objective_is_judged_on_every_piece_and_seed() -> None:
    """Each candidate is tried on all pieces under all seeds, and each of them is an outcome."""
    tried: list[tuple[int, int]] = []

    def run(tries: Sequence[Try]) -> list[list[Measured]]:
        tried.extend((one.part, one.seed) for one in tries)
        values = {"p99_wait": 1.0, "replica_seconds": 5.0, "refused": 0.0}
        return [[{str(A): {**values, "p99_wait": float(one.part)}} for _ in one.variants] for one in tries]

    site = Site((Sized(A, None, 1, None),), {"shop": ["shop"]}, Standing.read({}))
    evaluate = evaluate_by(run, site, Slo.parse("p99_wait<=2.5"), "replica_seconds", (1, 2), (2, 3))
    first, second = evaluate([{A: Sizing()}, {A: Sizing(0.5)}])
    assert [one.held for one in first[A]] == [one.held for one in second[A]] == [True, True, False, False]
    assert sorted(tried) == [(2, 1), (2, 2), (3, 1), (3, 2)]


def test_times_below_a_millisecond_are_taken_as_they_are() -> None:
    """Neither short service times nor short traces are rounded to nothing on their way into the scenario."""
    trace = of_requests(np.array([0.0, 0.0002]))
    scenario, recorded = parts_of(trace, 0.5, Platform(1e-5, 2e-5, 1, 3e-5)).learned
    assert scenario.tick == pytest.approx(3e-5)
    assert scenario.duration == pytest.approx(trace.length_s / 2, abs=1e-9)
    assert [one.spec.service_s for one in recorded.functions] == [pytest.approx(1e-5)]
    assert scenario.start_up.law().mean_s == pytest.approx(2e-5)


def test_a_trace_of_one_instant_is_too_short_to_be_cut() -> None:
    """The answer says how long it lasts and what is needed."""
    with pytest.raises(ValueError, match="two parts of a microsecond or more; it lasts"):
        parts_of(of_requests(np.array([0.0])), 0.5, Platform(1.0, 5.0, 1, 2.0))
