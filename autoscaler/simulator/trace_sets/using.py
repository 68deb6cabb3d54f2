"""A trace as a scenario uses it: which of its functions, whose they are, how much of their traffic."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.quantities import Duration
from autoscaler.policy.strict import Positive, Strict
from autoscaler.simulator.function_group import Traits
from autoscaler.simulator.law_documents import Measured
from autoscaler.simulator.laws import Law
from autoscaler.simulator.recorded import RecordedFunction
from autoscaler.simulator.streams import named
from autoscaler.simulator.trace_sets.formats import FormatName
from autoscaler.simulator.trace_sets.plain import FIELDS
from autoscaler.simulator.trace_sets.resampling import MOST_FACTOR, WANDER_S, sampled, scaled, shifted
from autoscaler.simulator.trace_sets.tenancy import Tenancy, regrouped
from autoscaler.simulator.trace_sets.trace_set import TraceFunction, TraceSet
from autoscaler.simulator.trace_sets.workloads import Placement, workload_of


class SampleUse(Strict):
    """Some functions that stand for all."""

    n: int = Field(ge=1, description="How many. No default.")
    seed: int = Field(1, ge=0, description="Seed of the choice. Default 1.")


class TraceUse(Traits):
    """One trace of a scenario: its functions, beside those that the scenario describes."""

    file: str = Field(
        min_length=1,
        description="A file of recorded traffic, or a folder of files that belong together, relative to the scenario. No default.",
    )
    format: FormatName | None = Field(None, description="Its format. Default: it is known by its first line.")
    columns: dict[str, str] = Field(
        default_factory=dict, description="Of a plain table: column of a field that is named otherwise. Default none."
    )
    step: Annotated[Duration, Field(gt=0)] | None = Field(
        None, description="Of a plain table of counts: length of a step. Default: the smallest distance of two times."
    )
    functions: int | list[str] | None = Field(
        None,
        description="The so many busiest ones, or names, NAMESPACE/NAME with * for any letters. Default: all.",
    )
    tenants: Tenancy | None = Field(
        None,
        description="Who is a tenant: byOwner, byApp, or one (tenant and namespace `trace`). Default: as the format has it.",
    )
    sample: SampleUse | None = Field(None, description="Some functions that stand for all. Default: none.")
    scale: float = Field(
        1.0,
        gt=0,
        le=MOST_FACTOR,
        description="So many times the requests of each function: copies of its traffic laid over each other. Default 1.",
    )
    wander: Annotated[Duration, Field(ge=0)] = Field(
        WANDER_S,
        description="How far these copies are moved at most, so that their bursts do not coincide. Default 30m.",
    )
    shift: Annotated[Duration, Field(ge=0)] = Field(
        0.0, description="How much later all of it arrives, around the trace's end. Default 0s."
    )
    begin: Annotated[Duration, Field(ge=0)] = Field(0.0, description="Where in the trace the run begins. Default 0s.")
    placement: Placement = Field(
        "uniform",
        description="Of counts, where within a step requests arrive: equidistant, uniform (at random moments, as many as "
        "recorded), or exponential (at random gaps: counts vary). Default uniform.",
    )
    seed: int = Field(1, ge=0, description="Seed of the copies of `scale`. Default 1.")
    service: Positive | None = Field(
        None,
        description="Mean time that a request is served, of functions of which the trace does not know it. No default.",
    )

    @field_validator("columns")
    @classmethod
    def _are_fields(cls, columns: dict[str, str]) -> dict[str, str]:
        if wrong := [name for name in columns if name not in FIELDS]:
            raise ValueError(f"fields of a plain table ({', '.join(FIELDS)}); {wrong[0]} is none")
        return columns

    def chosen(self, trace_set: TraceSet, generator: np.random.Generator) -> TraceSet:
        """Give what of a trace is used.

        Args:
            generator: made of `seed` alone; what is drawn is named by what it is for.

        Raises:
            ValueError: it has not what is wanted; the message says what is allowed.
        """
        if self.begin:
            trace_set = trace_set.between(self.begin, trace_set.length_s)
        if self.tenants is not None:
            trace_set = regrouped(trace_set, self.tenants)
        if self.functions is not None:
            trace_set = trace_set.chosen(self._places(trace_set))
        if self.sample is not None:
            trace_set = sampled(trace_set, self.sample.n, named(generator, "sample", str(self.sample.seed))).trace_set
        if self.scale != 1:
            trace_set = scaled(trace_set, self.scale, named(generator, "scale"), self.wander)
        return shifted(trace_set, self.shift) if self.shift else trace_set

    def _places(self, trace_set: TraceSet) -> Sequence[int]:
        if isinstance(self.functions, int):
            busiest = np.argsort(-trace_set.totals(), kind="stable")[: self.functions]
            return [int(place) for place in np.sort(busiest)]
        wanted = self.functions or []
        found = [place for place, one in enumerate(trace_set) if any(_is_named(one.key, name) for name in wanted)]
        if lost := [name for name in wanted if not any(_is_named(one.key, name) for one in trace_set)]:
            first = ", ".join(str(one.key) for one in trace_set.functions[:3])
            raise ValueError(f"names of functions of the trace, such as {first}; {lost[0]} is none")
        return found

    def recorded(self, trace_set: TraceSet) -> tuple[RecordedFunction, ...]:
        """Give the functions of a trace as a simulation has them.

        What the trace knows of a function wins over what the document does not set; service times are the trace's
        wherever it knows them.

        Args:
            trace_set: what `chosen` gave.

        Raises:
            ValueError: it has no requests, or does not know how long they are served; the message says what is allowed.
        """
        found = []
        for place, one in enumerate(trace_set):
            workload = workload_of(trace_set, place, self.placement)
            law = self._law(one, trace_set.service_s(place))
            found.append(RecordedFunction(self.spec(one.key, law, **self._known(one)), workload, one.tenant))
        return tuple(found)

    def _law(self, one: TraceFunction, mean_s: float | None) -> Law:
        """Give the law of a function's service times."""
        if one.service is not None:
            return one.service
        if isinstance(self.service_times, Measured):
            return self.service_times.law()
        mean_s = self.service if mean_s is None else mean_s
        if mean_s is None:
            raise ValueError(
                f"a `service` for functions whose service times the trace does not know, such as {one.key}"
            )
        return self.service_times.law(mean_s)

    def _known(self, one: TraceFunction) -> dict[str, Any]:
        """Give what is known of a function, but for what the document sets itself."""
        known = {
            "memory": ("memory_gb", one.memory_gb),
            "concurrency_limit": ("concurrency_limit", one.concurrency_limit),
        }
        return {
            field: value
            for name, (field, value) in known.items()
            if value is not None and name not in self.model_fields_set
        }


def recorded_functions(trace_set: TraceSet, use: TraceUse) -> tuple[RecordedFunction, ...]:
    """Give the functions of a trace as a scenario uses them.

    Raises:
        ValueError: it cannot be used so; the message says what is allowed.
    """
    generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence(use.seed)))
    return use.recorded(use.chosen(trace_set, generator))


def _is_named(key: FunctionKey, pattern: str) -> bool:
    return fnmatchcase(str(key), pattern)
