"""What a demo is: a platform, documents, and what is done to them when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.workload import Steps
from autoscaler.twin.world import Scenario

SHORTEST_S = 45.0
"""Shortest demo that shows everything: windows, proofs and outages have lengths of their own."""

FULL_S = 60.0
"""Length that a story's seconds are written for; they stretch with its duration."""

WARMUP_S = 12.0
"""Seconds of platform time that have passed, scrapes included, before anybody asks."""


class Act(Enum):
    """What is done at a cue."""

    TELL = "tell"  # nothing: the traffic changes by itself
    CALL = "call"  # one HTTP call of a function, through the gateway
    SILENCE = "silence"  # Prometheus stops answering and scraping
    SPEAK = "speak"  # Prometheus is back


@dataclass(frozen=True, slots=True)
class Cue:
    """Something that happens at a second of the story, and the words for it."""

    at_s: float
    act: Act
    words: str
    key: FunctionKey | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """The demo's platform, documents and cues.

    Attributes:
        begins_s: seconds from the twin's start to second 0 of the story, for the daemon to get up.
        duration_s: its length.
        documents: policy files by name.
        pools: the setting of this name; empty: its default.
        strangers: what no tenant owns, and what is no function: nobody may touch them.
    """

    begins_s: float
    duration_s: float
    scenario: Scenario
    documents: Mapping[str, str]
    cues: tuple[Cue, ...]
    pools: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    strangers: frozenset[FunctionKey] = frozenset()


def steps(rates: list[tuple[float, float]], begins_s: float) -> Steps:
    """Make a workload of rates by second of the story; the first one holds from the platform's start."""
    shift_s = WARMUP_S + begins_s
    written: list[dict[str, Any]] = [
        {"at": format_duration(round(at_s + shift_s if at_s else 0.0, 3)), "rate": rate} for at_s, rate in rates
    ]
    return Steps.model_validate({"type": "steps", "arrivals": "even", "steps": written})
