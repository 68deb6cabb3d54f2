"""Targets of CPU, as HPA and KEDA write them → cores of one replica."""

from collections.abc import Mapping

from autoscaler.policy.conversion.converted import Cpu, Document
from autoscaler.policy.conversion.quantities import quantity
from autoscaler.policy.conversion.written import Written

Requests = Mapping[tuple[str, str], Cpu]
"""What the containers of each Deployment that was given ask for, by namespace and name."""

NOT_MEASURED = "memory is not measured: it seldom follows the load; write a query of your own if it does"


def of_cores(found: Written) -> Document | None:
    """Read an average value, such as `500m`: cores of one replica; None: it cannot be read."""
    text = found.text()
    try:
        cores = None if text is None else quantity(text)
    except ValueError as error:
        found.refuse(str(error))
        return None
    if cores is None:
        return None
    if cores == 0:
        found.refuse("a quantity above 0")
        return None
    return {"type": "cpu", "target": _rounded(cores)}


def of_share(found: Written, function: tuple[str, str], requests: Requests) -> Document | None:
    """Read an average utilization, percent of what the containers ask for; None: it cannot be read, or not be known."""
    percent = found.number(1, 1_000_000)
    if percent is None:
        return None
    cpu = requests.get(function)
    write = "write `{type: cpu, target: CORES}`"
    if cpu is None:
        found.drop(f"it is a share of what the containers ask for: give the Deployment's manifest too, or {write}")
        return None
    if cpu.cores is None:
        found.drop(f"it is a share of what the containers ask for, and one of them asks for no cpu; {write}")
        return None
    target = _rounded(cpu.cores * percent / 100)
    found.note(f"{percent:g} % of the {cpu.cores:g} cores that one replica asks for are {target:g} cores; "
               "a change of the request does not change it")  # fmt: skip
    return {"type": "cpu", "target": target}


def requested_cores(template: object) -> Cpu:
    """Give what the containers of a pod template ask for in all; init containers are not counted, nor by an HPA."""
    spec = template.get("spec") if isinstance(template, Mapping) else None
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    total = 0.0
    for one in containers if isinstance(containers, list) else [None]:
        resources = one.get("resources") if isinstance(one, Mapping) else None
        kinds = resources if isinstance(resources, Mapping) else {}
        # A limit without a request is the request: the API server fills it in.
        named = [kind.get("cpu") for kind in (kinds.get("requests"), kinds.get("limits")) if isinstance(kind, Mapping)]
        said = next((value for value in named if value is not None), None)
        try:
            total += quantity(str(said))
        except ValueError:
            return Cpu(None)
    return Cpu(total or None)


def _rounded(cores: float) -> float:
    return float(f"{cores:.6g}")
