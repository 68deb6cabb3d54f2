"""Functions that are alike, as a scenario describes them."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.strict import Strict
from autoscaler.simulator.events import Name, NotNegative, Positive
from autoscaler.simulator.lanes import Backlog, MetricField
from autoscaler.simulator.law_documents import ExponentialTimes, Measured, ServiceTimesField, StartUpField
from autoscaler.simulator.laws import Law
from autoscaler.simulator.memory import Memory
from autoscaler.simulator.spec import DEFAULT_MEMORY_GB, FunctionSpec, Routing, WhenFull
from autoscaler.simulator.traces import AnyTrace, WorkloadField
from autoscaler.simulator.workload import Workload

FUNCTION_LABEL = "faas_function"

CALLS = ""
"""How the workload of a function's calls is named, beside those of its metrics."""

GRACE_S = 30.0
"""Kubernetes' own `terminationGracePeriodSeconds`."""

MOST = 100_000
"""Replicas of a function at the start, and requests that one replica serves or lets wait, at most."""

_SAME = {
    "concurrency_limit": "concurrency_limit",
    "routing": "routing",
    "replica_queue": "replica_queue",
    "gateway_queue": "gateway_queue",
    "hold": "hold_s",
    "termination_grace": "termination_grace_s",
    "replicas": "replicas",
    "memory": "memory_gb",
    "slo": "slo_s",
    "keep_alive": "keep_alive_s",
    "max_replicas": "max_replicas",
    "when_full": "when_full",
    "annotations": "annotations",
}
"""Fields of traits that are a spec's as they are, with their names there."""


class Traits(Strict):
    """How functions serve, start, wait and are billed."""

    service_times: ServiceTimesField = Field(
        ExponentialTimes(type="exponential"),
        description="Law of the service times: exponential, constant, {type: lognormal, cv: 2.0}, or {type: empirical, "
        "values: [120ms, 3s]} (or file: durations.csv). Default exponential, the usual spread.",
    )
    start_up: StartUpField | None = Field(
        None,
        description="Time from asking for a replica to its being ready: 5s, or a law such as {type: lognormal, mean: 3s, "
        "cv: 2.0}. Default: the scenario's.",
    )
    concurrency_limit: int = Field(
        1, ge=1, le=MOST, description="Requests that one replica serves at once; more wait. Default 1."
    )
    routing: Routing = Field(
        "pooled",
        description="Who serves a request: pooled (one queue at the gateway; whichever replica has room first), or, chosen "
        "when it arrives, newestIdle, leastLoaded or random. Default pooled.",
    )
    replica_queue: int = Field(
        0,
        ge=0,
        le=MOST,
        description="Requests that wait at a replica beyond `concurrencyLimit`; only with a `routing` that is not pooled. "
        "Default 0.",
    )
    gateway_queue: int | None = Field(
        None, ge=0, description="Requests that wait at the gateway; more are refused. Default: any number."
    )
    hold: Positive | None = Field(
        None, description="Longest wait for a free replica; then the request is refused. Default: none, it waits on."
    )
    termination_grace: NotNegative | None = Field(
        GRACE_S,
        description="How long a replica that is no longer wanted may finish what it serves; then that is cut, and has "
        "failed. Default 30s, as Kubernetes has it; null: as long as it takes.",
    )
    replicas: int = Field(0, ge=0, le=MOST, description="Replicas at the start, ready at once. Default 0.")
    memory: Memory = Field(DEFAULT_MEMORY_GB, description="Of a replica, for GB-seconds. Default 128Mi.")
    slo: NotNegative | None = Field(None, description="A request that waits longer is a miss. Default: none is.")
    keep_alive: NotNegative = Field(
        600.0, description="In mode perRequest: how long an idle instance is kept. Default 10m."
    )
    max_replicas: int | None = Field(
        None, ge=1, description="In mode perRequest: most instances at once. Default: any number."
    )
    when_full: WhenFull = Field(
        "reject",
        description="In mode perRequest: what becomes of a request beyond them, reject or queue. Default reject.",
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Further labels of the Deployments. Default none.")
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Annotations of the Deployments. Default none."
    )

    @model_validator(mode="after")
    def _queues_somewhere(self) -> "Traits":
        if self.replica_queue and self.routing == "pooled":
            raise ValueError("`replicaQueue` with a `routing` of newestIdle, leastLoaded or random")
        return self

    def spec(self, key: FunctionKey, law: Law, **known: Any) -> FunctionSpec:
        """Give a function of these traits.

        Args:
            law: of its service times.
            known: fields of `FunctionSpec` of which more is known than the traits say.

        Raises:
            ValueError: a file of a law was not read.
        """
        start_law = None if self.start_up is None else self.start_up.law()
        fields = {field: getattr(self, name) for name, field in _SAME.items()}
        fields |= {"labels": {FUNCTION_LABEL: key.name, **self.labels}, "start_s": start_law, **known}
        return FunctionSpec(key=key, service_s=law.mean_s, service=law, **fields)

    def laws(self) -> tuple[tuple[str, object], ...]:
        """Give its laws by the field of the document that has them."""
        return ("serviceTimes", self.service_times), ("startUp", self.start_up)

    def with_laws(self, laws: Mapping[str, Measured], path: str) -> Self:
        """Give the same with laws whose files were read.

        Args:
            laws: by the path of the field that has them.
            path: of these traits.
        """
        read = {
            "service_times": laws.get(f"{path}.serviceTimes", self.service_times),
            "start_up": laws.get(f"{path}.startUp", self.start_up),
        }
        return self.model_copy(update=read)


class FunctionGroup(Traits):
    """Functions that are alike. Each has arrivals and service times of its own."""

    name: Name = Field(description="Name of the function; of several, what their names begin with. No default.")
    namespace: Name = Field(description="Their namespace; a Tenant of the scenario claims it. No default.")
    count: int = Field(1, ge=1, le=100_000, description="How many; above 1 they are NAME-0, NAME-1, … Default 1.")
    workload: WorkloadField = Field(description="When requests arrive at each of them. No default.")
    service: Positive | None = Field(
        None,
        validate_default=True,
        description="Mean time that a request is served. No default; empirical `serviceTimes` have their own.",
    )
    metrics: dict[str, MetricField] = Field(
        default_factory=dict,
        description="Metrics beside requests/s and concurrency that its policy scales by: `cpu`, `queue`, or the text of a "
        "tenant's own query. Default none.",
    )

    @field_validator("service")
    @classmethod
    def _has_a_mean(cls, service_s: float | None, info: ValidationInfo) -> float | None:
        times = info.data.get("service_times")
        if times is not None and service_s is None and not isinstance(times, Measured):
            raise PydanticKnownError("missing")
        if service_s is not None and isinstance(times, Measured):
            raise ValueError("no `service` beside empirical `serviceTimes`, which have a mean of their own")
        return service_s

    def names(self) -> Iterator[FunctionKey]:
        """Give the functions' names."""
        for number in range(self.count):
            yield FunctionKey(self.namespace, self.name if self.count == 1 else f"{self.name}-{number}")

    def specs(self) -> Iterator[FunctionSpec]:
        """Give the functions of the group.

        Raises:
            ValueError: a file of a law was not read.
        """
        law = self._service_law()
        return (self.spec(key, law) for key in self.names())

    def _service_law(self) -> Law:
        match self.service_times:
            case Measured() as measured:
                return measured.law()
            case times if self.service is not None:
                return times.law(self.service)
        raise ValueError(f"{self.namespace}/{self.name} has no mean service time")

    def feeds(self) -> Iterator[tuple[str, Workload | AnyTrace]]:
        """Give the workload of its calls and those of its metrics, by name."""
        yield CALLS, self.workload
        for name, metric in self.metrics.items():
            if isinstance(metric, Backlog):
                yield name, metric.arriving
