"""Fields of a scenario that mean something in one of its modes only, and are refused where they would do nothing."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic.alias_generators import to_camel

from autoscaler.policy.problems import Problem, line_of, path_text
from autoscaler.simulator.function_group import Traits

Mode = Literal["windowed", "perRequest"]
"""Who starts and stops replicas: the decider, at each tick; or every request that finds no idle instance."""

Place = tuple[str | int, ...]

OF_TICKS = frozenset(
    {
        "decider",
        "events",
        "tick",
        "scrape_interval",
        "range",
        "write_delay",
        "blast_radius",
        "termination_grace",
        "metrics",
    }
)
"""Fields of scenarios and functions for who decides at ticks, on scrapes; a request that decides for itself sees none."""

OF_REQUESTS = frozenset({"keep_alive", "max_replicas", "when_full"})
"""Fields of functions for requests that decide for themselves."""

OF_QUEUES = frozenset({"hold", "gateway_queue"})
"""Fields of functions that are about waiting for a place; in mode perRequest nobody waits without `whenFull: queue`."""


def without_effect(
    mode: Mode, scenario: frozenset[str], traits: Mapping[Place, Traits], lines: Mapping[str, int], file: str
) -> Iterator[Problem]:
    """Give a problem for each field that is set and does nothing.

    Args:
        scenario: names of the fields that the scenario itself sets.
        traits: those of its functions and traces, by place.
        lines: line of each field.
        file: that they are in.
    """
    for name in sorted(scenario & _idle(mode)):
        yield _problem((to_camel(name),), f"does nothing in mode {mode}", _other(mode), lines, file)
    for place, one in traits.items():
        for name in sorted(one.model_fields_set & _idle(mode)):
            yield _problem((*place, to_camel(name)), f"does nothing in mode {mode}", _other(mode), lines, file)
        if mode == "perRequest" and one.when_full == "reject":
            for name in sorted(one.model_fields_set & OF_QUEUES):
                wrong = "does nothing in mode perRequest where who finds no instance is rejected"
                yield _problem((*place, to_camel(name)), wrong, "it beside `whenFull: queue`", lines, file)


def _idle(mode: Mode) -> frozenset[str]:
    return OF_REQUESTS if mode == "windowed" else OF_TICKS


def _other(mode: Mode) -> str:
    return f"it with `mode: {'perRequest' if mode == 'windowed' else 'windowed'}`"


def _problem(place: Place, wrong: str, allowed: str, lines: Mapping[str, int], file: str) -> Problem:
    return Problem(file, line_of(lines, place), path_text(place), wrong, allowed)
