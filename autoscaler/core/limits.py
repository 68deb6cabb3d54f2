"""Stage 5, limits: what the documents allow one function at most."""

from autoscaler.core.columns import Codes, Floats, true_at
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change, chosen

CEILINGS = (Reason.MAX_REPLICAS, Reason.CONCURRENCY_CAP, Reason.SCHEDULE_CEILING)


def limits(replicas: Floats, ceiling: Floats, reasons: Codes) -> tuple[Change, ...]:
    """Cut every function to its ceiling.

    Args:
        replicas: `(size,) float64`, from the idle stage.
        ceiling: `(size,) float64`, the smallest of `max`, `floor(concurrencyCap / concurrencyLimit)` and schedules.
        reasons: `(size,) uint8`, which of them it is.
    """
    cut = true_at(replicas > ceiling)
    if not cut.size:
        return ()
    most, codes = ceiling[cut], reasons[cut]
    return tuple(chosen(cut, codes == reason.value, most, reason) for reason in CEILINGS)
