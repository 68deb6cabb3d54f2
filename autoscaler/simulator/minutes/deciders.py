"""Which of a document's deciders can decide on counts per minute, and as what."""

from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.baselines.settings import DeciderConfig, Fixed, Hybrid, KeepAlive, Oracle
from autoscaler.simulator.minutes import policies
from autoscaler.simulator.minutes.hybrid import HybridHistogram
from autoscaler.simulator.minutes.policies import MinutePolicy

CLOSE = 1e-6
"""Fraction of a step by which rounding may put a time beside a whole number of them."""

ALLOWED = "fixed, keepAlive, hybrid or oracle"
"""Those that need no more than the containers of each minute."""


def title_of(config: DeciderConfig) -> str:
    """Write a decider as its document has it: its type, and what was set."""
    written = config.model_dump(mode="json", by_alias=True, exclude={"type"}, exclude_unset=True)
    words = [f"{name} {value}" for name, value in written.items()]
    return ", ".join([config.type, *words])


def check(config: DeciderConfig) -> None:
    """Check that a decider can decide on counts at all.

    Raises:
        ValueError: it decides by a load that counts do not have; the message says which are allowed.
    """
    if not isinstance(config, Fixed | KeepAlive | Hybrid | Oracle):
        raise ValueError(f"type {config.type!r} decides by requests/s or concurrency; {ALLOWED} decide on counts")


def policy_of(config: DeciderConfig, step_s: float) -> MinutePolicy:
    """Give the policy that a document's `decider` means.

    Args:
        step_s: length of a step.

    Raises:
        ValueError: it cannot decide on counts, or has a time that is no whole number of steps; the message says what is
            allowed.
    """
    check(config)
    match config:
        case Fixed():
            return policies.Fixed(config.replicas)
        case KeepAlive():
            return policies.KeepAlive(_steps("after", config.after, step_s))
        case Oracle():
            return policies.Oracle(_steps("breakEven", config.break_even, step_s))
        case Hybrid():
            _steps("keep", config.keep, step_s)
            return HybridHistogram(config, step_s)
    raise TypeError(f"{config!r} has no policy on counts")


def _steps(field: str, seconds: float, step_s: float) -> int:
    """Give a time in steps.

    Raises:
        ValueError: it is none, or no whole number of them.
    """
    steps = round(seconds / step_s)
    if steps < 1 or abs(steps * step_s - seconds) > CLOSE * step_s:
        raise ValueError(f"{field} is {format_duration(seconds)}; whole steps of {format_duration(step_s)} are allowed")
    return steps
