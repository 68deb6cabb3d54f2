"""What is taken of bursts shorter than the steps that a trace was counted in, in words."""

from collections import Counter
from collections.abc import Collection
from math import isfinite

from autoscaler.cli.recommend_run import Outcome
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.recommending.clumps import Basis, Clumps
from autoscaler.simulator.trace_sets.trace_set import Counts

WORDS: dict[Basis, str] = {
    "in flight": "as requests in flight show them",
    "steps": "taken to be as they are between them, which nothing tells",
    "chance": "none, what was counted varies by chance alone",
    "unknown": "taken to be none, too few requests tell",
}


def bursts_words(outcome: Outcome, keys: Collection[FunctionKey]) -> str:
    """Say what was taken of bursts within steps, over some functions; "" where single requests tell, or none is there."""
    found = {key: outcome.clumps[key] for key in keys if key in outcome.clumps}
    if not found or not isinstance(outcome.trace.load, Counts):
        return ""
    step = format_duration(outcome.trace.load.step_s)
    counted = Counter(one.basis for one in found.values())
    parts = [
        WORDS[basis] if len(found) == 1 else f"{WORDS[basis]} ({counted[basis]})" for basis in WORDS if counted[basis]
    ]
    worst = max(found, key=lambda key: found[key].growth)
    growth, of = found[worst].growth, "" if len(found) == 1 else f" of {worst}"
    more = f"; two requests{of} meet {growth:.1f} × as often as by chance" if growth > 1 else ""
    return f"Bursts within {step}: {'; '.join(parts)}{more}"


def bursts_document(clumps: Clumps) -> dict[str, object]:
    """Give it for JSON."""
    dispersion = clumps.dispersion if isfinite(clumps.dispersion) else None
    return {"basis": clumps.basis, "growth": clumps.growth, "dispersion": dispersion}
