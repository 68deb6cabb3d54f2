"""Stage 1, demand: replicas that the load asks for, in Knative's order (wanted, max rates, activation)."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import Rules
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import whole_down, whole_up
from autoscaler.core.staged import Bound


class Demand(NamedTuple):
    """The outcome of stage 1.

    Attributes:
        replicas: `(functions,) float64`, what is asked for, bounded per tick.
        wanted: `(functions,) float64`, what the load alone wants, before any rate: the recommendation that
            stabilization looks back on. Rates are left out, or a cut from 10 to 1 would wait a whole
            stabilization window for each of its halvings (10, 5, 2, 1).
        bound: rules that bound; everything else is `Reason.DEMAND`.
    """

    replicas: Floats
    wanted: Floats
    bound: tuple[Bound, ...]


def relative_load(rps: Floats | None, concurrency: Floats | None, rules: Rules) -> Floats:
    """Give the replicas, unrounded, that the load of every function would fill exactly to its target.

    The largest metric wins; an unknown one (nan) proposes nothing, so that a known one may still raise.

    Args:
        rps: `(functions,) float64`, mean over the stable window; nan: unknown. None: nobody uses it.
        concurrency: likewise.
        rules: targets, inf where a function does not use the metric.
    """
    with np.errstate(over="ignore"):  # inf, which asks for the most there is
        if rps is not None and concurrency is not None:
            ratio = np.fmax(rps / rules.target_rps, concurrency / rules.target_concurrency)
        elif rps is not None:
            ratio = rps / rules.target_rps
        elif concurrency is not None:
            ratio = concurrency / rules.target_concurrency
        else:
            return np.zeros(len(rules.target_rps))
    nothing = np.flatnonzero(np.isnan(ratio))
    if nothing.size:
        ratio[nothing] = 0.0
    return ratio


def demand(
    ratio: Floats,
    requested: Floats,
    ready: Floats,
    rules: Rules,
    *,
    unknown: Ints,
    waiting: Floats,
    waiting_target: Floats,
) -> Demand:
    """Turn loads into replicas.

    `want = ceil(load / target)`, kept within `[floor(ready / maxRateDown), ceil(ready * maxRateUp)]` where ready
    counts as at least 1, so that 0 can grow. The lower edge never exceeds what is requested: after a cut to 2,
    pods that still end (ready 9) are no reason to go back to 4. Nor is the upper edge below it: of 10 replicas that
    the load needs none goes because only 1 is ready. A function that leaves zero gets its activation.
    Requests held in a wake are a proposal of their own, neither averaged nor limited in rate; the largest wins.

    Args:
        ratio: `(functions,) float64`, from `relative_load`.
        requested: `(functions,) float64`.
        ready: `(functions,) float64`.
        rules: rates and activation.
        unknown: rows whose load is unknown; they propose what is requested, at least.
        waiting: `(functions,) float64`, requests held until a replica is ready.
        waiting_target: `(functions,) float64`, held requests that one replica is given, > 0.

    Source: Knative pkg/autoscaler/scaling/autoscaler.go `Scale`; ours bounds both edges by what is requested.
    """
    wanted = whole_up(ratio)
    serving = np.maximum(ready, 1.0)
    low = whole_down(serving / rules.max_rate_down)
    np.minimum(low, requested, out=low)
    replicas = np.maximum(wanted, low)
    high = whole_up(serving * rules.max_rate_up)
    np.maximum(high, requested, out=high)
    np.minimum(replicas, high, out=replicas)
    clamped = np.flatnonzero(replicas != wanted)
    is_up = wanted[clamped] > replicas[clamped]
    bound = [Bound(clamped[is_up], Reason.MAX_RATE_UP), Bound(clamped[~is_up], Reason.MAX_RATE_DOWN)]
    bound += [
        _activate(replicas, requested, rules.activation),
        _hold_unknown(replicas, unknown, requested),
        _serve_waiting(replicas, waiting, waiting_target),
    ]
    return Demand(replicas, wanted, tuple(bound))


def _activate(replicas: Floats, requested: Floats, activation: Floats) -> Bound:
    leaving = np.flatnonzero((requested == 0) & (replicas > 0))
    raised = leaving[activation[leaving] > replicas[leaving]]
    replicas[raised] = activation[raised]
    return Bound(raised, Reason.ACTIVATION)


def _hold_unknown(replicas: Floats, unknown: Ints, requested: Floats) -> Bound:
    held = unknown[replicas[unknown] <= requested[unknown]]
    replicas[held] = requested[held]
    return Bound(held, Reason.UNKNOWN_LOAD)


def _serve_waiting(replicas: Floats, waiting: Floats, waiting_target: Floats) -> Bound:
    held = np.flatnonzero(waiting > 0)
    proposal = waiting_proposal(waiting[held], waiting_target[held])
    wins = proposal > replicas[held]
    replicas[held[wins]] = proposal[wins]
    return Bound(held[wins], Reason.WAITING)


def waiting_proposal(waiting: Floats, waiting_target: Floats) -> Floats:
    """Give the replicas that held requests ask for."""
    with np.errstate(over="ignore"):
        return whole_up(waiting / waiting_target)
