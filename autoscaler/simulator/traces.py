"""Workloads that were recorded: what a scenario says of them. Whoever runs it reads them and hands arrays in."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.quantities import Duration
from autoscaler.policy.source_settings import TLSSettings
from autoscaler.policy.strict import HTTP_URL, Strict
from autoscaler.simulator.instants import Instant
from autoscaler.simulator.modulated import Mmpp
from autoscaler.simulator.workload import SHAPES, Constant, OnOff, Sine, Spacing, Steps

MOST_ROWS = 2_000_000
"""Rows of a file, and steps of a span, at most: a month of seconds is more."""

UNIT_S: dict[str, float] = {"rps": 1.0, "requests-per-minute": 60.0, "requests-per-hour": 3_600.0}
"""Seconds that a rate of each unit is about; `requests` are counts of a row, and about its length."""

RateUnit = Literal["rps", "requests-per-minute", "requests-per-hour", "requests"]


class Trace(Strict):
    """What all recorded workloads share."""

    arrivals: Spacing = Field(
        "poisson",
        description="Spacing within a row or step: poisson (independent callers; counts vary) or even (counts as recorded). "
        "Default poisson.",
    )
    scale: float = Field(1.0, ge=0, description="Factor of all rates. Default 1.")
    repeat: bool = Field(
        False, description="Begin anew at the end. Default false: nothing is known after it, and no request arrives."
    )


class CsvTrace(Trace):
    """A column of a CSV file: each row holds until the next one, the last as long as the one before it.

    An empty cell is a gap: no request arrives in it, and the result says so.
    """

    type: Literal["csv"]
    file: str = Field(min_length=1, description="A .csv or .csv.gz, relative to the scenario. No default.")
    column: str | None = Field(None, description="Column of the rates. Default: the one named as the function.")
    time: str | None = Field(
        None,
        description="Column of the times: seconds (the run begins at the first row's), or moments such as "
        "2026-03-29T08:00:00Z. Default: `time`, where no `step` is given.",
    )
    step: Annotated[Duration, Field(gt=0)] | None = Field(
        None, description="Length of every row, of a file without times. Default: none, the times say it."
    )
    unit: RateUnit = Field(
        "rps",
        description="What the column holds: rps, requests-per-minute, requests-per-hour, or requests (counted in that row). "
        "Default rps.",
    )

    @model_validator(mode="after")
    def _has_one_clock(self) -> "CsvTrace":
        if self.step is not None and self.time is not None:
            raise ValueError("`time` or `step`, not both")
        return self

    @property
    def time_column(self) -> str | None:
        """Name of the column of times; None: every row is a `step` long."""
        return None if self.step is not None else self.time or "time"


class PrometheusTrace(Trace):
    """Rates that a query gives over a span of a Prometheus's past, one a step.

    A step is asked for at its end, so the query should look back one step: `{step}` in it stands for that.
    Steps without a value are gaps: no request arrives in them, and the result says so.
    """

    type: Literal["prometheus"]
    url: str = Field(pattern=HTTP_URL, description="Base URL, path prefix included. No default.")
    query: str = Field(
        min_length=1,
        max_length=10_000,
        description="PromQL of requests/s, such as `sum by (function_name) "
        "(rate(gateway_function_invocation_started[{step}]))`. No default.",
    )
    start: Instant = Field(description="Beginning of the span, whole seconds. No default.")
    end: Instant = Field(description="Its end. No default.")
    step: Annotated[Duration, Field(ge=1)] = Field(60.0, description="Length of a step, whole seconds. Default 1m.")
    match: dict[str, str] | None = Field(
        None,
        description="Labels of the series that are this function's; several are summed. Default: `function_name: "
        "NAME.NAMESPACE`, or `namespace` and `function`, or a single series that has none of these labels.",
    )
    headers: dict[str, str] = Field(
        default_factory=dict, description="Extra headers, such as X-Scope-OrgID. Default none."
    )
    bearer_token_file: str | None = Field(None, description="File with a bearer token. Default none.")
    username: str | None = Field(None, description="User of basic authentication. Default none.")
    password_file: str | None = Field(None, description="File with its password. Default none.")
    tls: TLSSettings = Field(default_factory=TLSSettings, description="CA and client certificate.")
    timeout: Annotated[Duration, Field(gt=0)] = Field(60.0, description="Deadline of the whole span. Default 1m.")

    @model_validator(mode="after")
    def _has_steps(self) -> "PrometheusTrace":
        if any(seconds != int(seconds) for seconds in (self.start, self.end, self.step)):
            raise ValueError("whole seconds in `start`, `end` and `step`")
        if self.end <= self.start or (self.end - self.start) % self.step:
            raise ValueError(f"an `end` after `start`, by a multiple of the step ({self.step:g}s)")
        if self.steps > MOST_ROWS:
            raise ValueError(f"at most {MOST_ROWS} steps; it is {self.steps}")
        return self

    @property
    def steps(self) -> int:
        return round((self.end - self.start) / self.step)


AnyTrace = CsvTrace | PrometheusTrace
"""A workload whose rates stand elsewhere."""

WorkloadField = Annotated[
    Constant | Steps | Sine | OnOff | Mmpp | CsvTrace | PrometheusTrace, Field(discriminator="type")
]
"""Any workload of a document; `type` tells which."""

WORKLOADS: dict[str, type[Strict]] = {**SHAPES, "mmpp": Mmpp, "csv": CsvTrace, "prometheus": PrometheusTrace}
"""The workloads of documents by their `type`."""


def column_of(trace: CsvTrace, key: FunctionKey) -> str:
    """Give the column of a function's rates."""
    return trace.column if trace.column is not None else key.name
