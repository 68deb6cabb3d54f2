"""What was read for a scenario, from files and servers, before it runs: the simulator itself opens nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.law_documents import Measured
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.workload import Workload

TraceKey = tuple[FunctionKey, str]
"""What a recorded workload is of: a function's calls (`""`), or the metric of this name."""

Traces = Mapping[TraceKey, Workload]
"""The recorded workloads of a scenario, read."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordedFunction:
    """A function that a trace has.

    Attributes:
        spec: what is simulated of it.
        workload: its calls.
        tenant: whose it is; None: whoever claims its namespace.
    """

    spec: FunctionSpec
    workload: Workload
    tenant: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Recorded(Mapping[TraceKey, Workload]):
    """Everything that was read for a scenario; as a mapping its workloads, those of whole functions included.

    Attributes:
        workloads: by function and name.
        functions: those that traces have, beside the functions of the document.
        laws: measured laws with the values of their files, by the path of the field that names the file.
        hashes: SHA-256 of what was read, by file name.
        notes: what of the traces was kept and lost.
    """

    workloads: Traces = field(default_factory=dict)
    functions: tuple[RecordedFunction, ...] = ()
    laws: Mapping[str, Measured] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __getitem__(self, key: TraceKey) -> Workload:
        return self.workloads[key]

    def __iter__(self) -> Iterator[TraceKey]:
        return iter(self.workloads)

    def __len__(self) -> int:
        return len(self.workloads)
