"""Stage 1, demand: replicas that the load asks for, in Knative's order: wanted, max rates, activation, panic."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats, Ints, true_at
from autoscaler.core.derived import Derived
from autoscaler.core.fleet import Fleet
from autoscaler.core.knobs import Knobs
from autoscaler.core.part import Part, numbers_at
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import MOST_REPLICAS, whole_up
from autoscaler.core.staged import NO_REPLICAS, NOBODY, Change, chosen
from autoscaler.core.windows import Averaged


class Proposals(NamedTuple):
    """What load asks for by itself, in replicas that it would fill exactly to their targets. Both `(size,) float64`.

    Attributes:
        stable: over the stable window.
        panic: over the panic window; where nobody panics the same column.
    """

    stable: Floats
    panic: Floats


def proposals(
    averaged: Averaged,
    requested: Floats,
    ready: Floats,
    *,
    fleet: Fleet,
    rules: Knobs,
    derived: Derived,
    part: Part,
) -> Proposals:
    """Give what every function's metrics propose; the largest wins.

    An unknown metric (nan) proposes nothing, so that a known one may still raise. A CPU in use asks for nothing where
    zero is proven: no process ever uses none.

    Args:
        averaged: means over the windows.
        requested: `(size,) float64`.
        ready: `(size,) float64`.
        fleet: its further metrics.
        rules: targets, inf where a function does not use the metric; of the part.
        derived: constants of the fleet.
        part: the rows.
    """
    stable = _largest(averaged.rps, averaged.concurrency, rules, derived, part.size)
    panic = stable
    if derived.has_panic:
        panic = _largest(averaged.panic_rps, averaged.panic_concurrency, rules, derived, part.size)
    if fleet.others.rows.size:
        further, at = _further(averaged.others, requested, ready, fleet, part)
        if panic is not stable:
            np.maximum.at(panic, at, further)
        np.maximum.at(stable, at, further)
    return Proposals(stable, panic)


def _largest(rps: Floats, concurrency: Floats, rules: Knobs, derived: Derived, size: int) -> Floats:
    """Give the larger proposal; a known one counts beside an unknown one, and where none is known nothing is asked for."""
    with np.errstate(over="ignore"):  # inf, which asks for the most there is
        if derived.has_rps and derived.has_concurrency:
            ratio = np.divide(rps, rules.target_rps)
            np.fmax(ratio, concurrency / rules.target_concurrency, out=ratio)
        elif derived.has_rps:
            ratio = np.divide(rps, rules.target_rps)
        elif derived.has_concurrency:
            ratio = np.divide(concurrency, rules.target_concurrency)
        else:
            return np.zeros(size)
    np.fmax(ratio, 0.0, out=ratio)  # nan becomes 0
    return ratio


def _further(others: Floats, requested: Floats, ready: Floats, fleet: Fleet, part: Part) -> tuple[Floats, Ints]:
    """Give what further metrics propose, lane by lane, and the positions of their functions.

    A level above its target multiplies what is ready, as the HPA does it, and never asks for less than is requested:
    of 10 replicas of which 2 are ready, a latency a fifth too high is no reason to go to 3.
    """
    lanes, at = fleet.others, part.within(fleet.others.rows)
    levels = true_at(lanes.is_value)
    with np.errstate(over="ignore"):
        ratio = others / lanes.target
        times = ratio[levels]
        asked = times * np.maximum(ready[at[levels]], 1.0)
        ratio[levels] = np.where(times > 1.0, np.maximum(asked, requested[at[levels]]), asked)
    return np.fmax(ratio, 0.0), at


class Rates(NamedTuple):
    """How far one tick may go.

    Attributes:
        up: `(n,) float64`, factor.
        down: `(n,) float64`, divisor.
        least_up: no factor is smaller; so much is within the rates of everybody.
        least_down: no divisor is smaller.
    """

    up: Floats
    down: Floats
    least_up: float
    least_down: float


class Demand(NamedTuple):
    """Demand over one window, of some functions.

    Attributes:
        wanted: `(n,) float64`, what the load alone wants, before any rate.
        changes: what the rates and activation make of it.
    """

    wanted: Floats
    changes: tuple[Change, ...]


def demand(
    proposal: Floats, requested: Floats, ready: Floats, *, rates: Rates, activation: tuple[Ints, Floats]
) -> Demand:
    """Turn one window's proposal into replicas: `ceil`, kept within the tick's rates, then activation.

    The edges are `[floor(ready / maxRateDown), ceil(ready × maxRateUp)]`, where ready counts as at least 1, so that 0
    can grow. The lower one never exceeds what is requested: after a cut to 2, pods that still end (ready 9) are no
    reason to go back to 4. Nor is the upper one below it: of 10 replicas that the load needs none goes because only 1
    is ready.

    Args:
        proposal: `(n,) float64`, replicas that the load would fill exactly.
        requested: `(n,) float64`.
        ready: `(n,) float64`.
        rates: how far one tick may go.
        activation: positions with an activation above 1, and it: the least that a function has which any load wants.

    Source: Knative pkg/autoscaler/scaling/autoscaler.go `Scale`, in doubles and without an epsilon; ours bounds both
    edges by what is requested.
    """
    wanted = whole_up(proposal)
    changes = [_slow_up(wanted, requested, ready, rates), _slow_down(wanted, requested, ready, rates)]
    rows, least = activation
    if rows.size:
        bounded = wanted[rows]
        for change in changes:
            _, here, there = np.intersect1d(rows, change.rows, assume_unique=True, return_indices=True)
            bounded[here] = change.replicas[there]
        changes.append(chosen(rows, (wanted[rows] > 0) & (bounded < least), least, Reason.ACTIVATION))
    return Demand(wanted, tuple(changes))


def _slow_up(wanted: Floats, requested: Floats, ready: Floats, rates: Rates) -> Change:
    if not len(wanted) or wanted.max() <= rates.least_up:
        return Change(NOBODY, NO_REPLICAS, Reason.MAX_RATE_UP)
    over = true_at(wanted > rates.least_up)
    over = over[wanted[over] > requested[over]]
    high = np.ceil(np.maximum(ready[over], 1.0) * rates.up[over])
    high = np.minimum(np.maximum(high, requested[over]), MOST_REPLICAS)
    return chosen(over, high < wanted[over], high, Reason.MAX_RATE_UP)


def _slow_down(wanted: Floats, requested: Floats, ready: Floats, rates: Rates) -> Change:
    under = true_at(wanted * rates.least_down < ready)
    if not under.size:
        return Change(NOBODY, NO_REPLICAS, Reason.MAX_RATE_DOWN)
    low = np.minimum(
        np.floor(np.maximum(ready.take(under), 1.0) / numbers_at(rates.down, under)), requested.take(under)
    )
    return chosen(under, low > wanted.take(under), low, Reason.MAX_RATE_DOWN)


def hold_unknown(replicas: Floats, unknown: Ints, requested: Floats) -> Change:
    """Keep what is requested where the load is unknown, at least."""
    if not unknown.size:
        return Change(NOBODY, NO_REPLICAS, Reason.UNKNOWN_LOAD)
    runs = requested.take(unknown)
    return chosen(unknown, replicas.take(unknown) <= runs, runs, Reason.UNKNOWN_LOAD)


def serve_waiting(replicas: Floats, held: Ints, proposal: Floats) -> Change:
    """Raise to what requests held in a wake ask for: neither averaged nor limited in rate; the largest wins.

    Args:
        replicas: `(size,) float64`.
        held: positions with held requests.
        proposal: `(held,) float64`, from `waiting_proposal`.
    """
    if not held.size:
        return Change(NOBODY, NO_REPLICAS, Reason.WAITING)
    return chosen(held, proposal > replicas[held], proposal, Reason.WAITING)


def waiting_proposal(waiting: Floats, waiting_target: Floats) -> Floats:
    """Give the replicas that held requests ask for."""
    if not waiting.size:
        return NO_REPLICAS
    with np.errstate(over="ignore"):
        return whole_up(waiting / waiting_target)
