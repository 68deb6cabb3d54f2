"""Triggers of a ScaledObject → metrics and schedules."""

from autoscaler.policy.conversion import cpu
from autoscaler.policy.conversion.converted import Document
from autoscaler.policy.conversion.queries import above, query
from autoscaler.policy.conversion.spans import lasting_s
from autoscaler.policy.conversion.written import Written
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.schedules import Schedule

_SOURCE = "the Tenant's source says where Prometheus is, and how to log in there"
_PROMETHEUS_LEFT = {
    **dict.fromkeys(("serverAddress", "namespace", "customHeaders", "queryParameters", "authModes"), _SOURCE),
    **dict.fromkeys(("unsafeSsl", "timeout", "cortexOrgID"), _SOURCE),
    "metricName": "a query needs no name here; KEDA has dropped it too",
    "ignoreNullValues": "no data is never taken for 0 here: what runs stays, which is what `false` asks for",
}
_OTHER = (
    "{kind} is not asked here; write `{{query: …, activity: …, target: …}}` over what its exporter has in Prometheus"
)
_CONFINED = (
    "each of its selectors is confined to the namespaces of the tenant by the label `namespace`; series without "
    "that label are not seen"
)
_GATEWAY = (
    "it asks the gateway's counters: `{type: rps, target: …}` measures the same of all functions in one query, sums both "
    "forms of a name, and proves zero; as a query of its own it sees only series whose label `namespace` is the tenant's"
)


class Triggers:
    """What the triggers of one object come to.

    Args:
        namespace: of the function.
        function: its name.
        most: its maximum of replicas, which an HPA puts above the wishes of a cron trigger.
        requests: what the containers of known Deployments ask for.
    """

    def __init__(self, namespace: str, function: str, most: int, requests: cpu.Requests) -> None:
        self._key = namespace, function
        self._most = most
        self._requests = requests
        self.metrics: list[Document] = []
        self.schedules: list[Document] = []
        self.has_rate = False

    @property
    def are_cpu_alone(self) -> bool:
        """Whether nothing but cpu is measured."""
        return bool(self.metrics) and not self.schedules and all(one["type"] == "cpu" for one in self.metrics)

    def take(self, one: Written) -> None:
        """Take over a trigger, or say why not."""
        kind, metadata = one.at("type").text(), one.at("metadata")
        one.at("name"), one.at("useCachedMetrics")
        if kind == "prometheus":
            self._add(self._prometheus(one, metadata), one)
        elif kind == "cron":
            self._cron(one, metadata)
        elif kind == "cpu":
            self._add(self._cpu(one, metadata), one)
        elif kind == "memory":
            one.drop(cpu.NOT_MEASURED)
        elif kind is None:
            one.missing("type", "prometheus, cron or cpu; others are named and not carried")
        else:
            one.drop(_OTHER.format(kind=kind[:40]))

    def _add(self, metric: Document | None, one: Written) -> None:
        if metric is None:
            return
        if any((metric["type"], metric.get("query")) == (known["type"], known.get("query")) for known in self.metrics):
            one.drop("the same is measured by a trigger before it")
        else:
            self.metrics.append(metric)

    def _prometheus(self, one: Written, metadata: Written) -> Document | None:
        for field, why in _PROMETHEUS_LEFT.items():
            metadata.at(field).drop(why)
        one.at("authenticationRef").drop(_SOURCE)
        asked, threshold = metadata.at("query"), metadata.at("threshold")
        text, aim, least = asked.text(), threshold.number(), metadata.at("activationThreshold").number()
        for needed in (asked, threshold):
            if not needed.is_there:
                metadata.missing(str(needed.parts[-1]), "this field is needed")
        if text is None or aim is None:
            return None
        if not 0 < aim <= 1e9:
            threshold.refuse("a number above 0")
            return None
        metric = self._asked(asked, text, least or 0.0)
        if metric is None:
            return None
        value = one.at("metricType")
        if (value.text() or "AverageValue") not in ("AverageValue", "Value"):
            value.refuse("AverageValue or Value")
        level = {"targetType": "Value"} if value.text() == "Value" else {}
        return {"type": "query", **metric, "target": aim, **level}

    def _asked(self, asked: Written, text: str, activation: float) -> Document | None:
        """Give query and activity; None: no policy may have it asked, which is said."""
        try:
            found = query(text)
            whole = found.text if activation <= 0 else above(found.text, activation)
            query(whole)
        except ValueError as error:
            asked.drop(f"allowed is {error}")
            return None
        self.has_rate |= found.has_rate
        asked.note(_GATEWAY if found.is_gateway else _CONFINED)
        if found.has_default:
            asked.note(
                "what made 0 of no data (`or vector(…)`) is left out: no data is unknown here, and holds what runs"
            )
        return {"query": whole, "activity": whole}

    def _cron(self, one: Written, metadata: Written) -> None:
        start, end, zone = (metadata.at(field).text() for field in ("start", "end", "timezone"))
        desired = metadata.at("desiredReplicas")
        count = desired.whole(1)
        for field in ("start", "end", "timezone", "desiredReplicas"):
            if not metadata.at(field).is_there:
                metadata.missing(field, "this field is needed")
        if start is None or end is None or zone is None or count is None:
            return
        if count > self._most:
            desired.note(f"it is above maxReplicaCount, so that {self._most} hold, as the HPA has it")
        try:
            lasting = format_duration(lasting_s(start, end))
            schedule = {"cron": start, "timeZone": zone, "duration": lasting, "min": min(count, self._most)}
            Schedule.model_validate(schedule)
        except ValueError as error:
            one.drop(_first_words(error))
            return
        self.schedules.append(schedule)

    def _cpu(self, one: Written, metadata: Written) -> Document | None:
        kind = one.at("metricType").text() or metadata.at("type").text() or "Utilization"
        metadata.at("type")
        if metadata.at("containerName").is_there:
            one.drop("cpu is measured of whole pods, not of one container; write `{type: cpu, target: CORES}`")
            return None
        value = metadata.at("value")
        if not value.is_there:
            metadata.missing("value", "a percentage, or with metricType AverageValue a quantity such as 500m")
            return None
        if kind == "AverageValue":
            return cpu.of_cores(value)
        if kind != "Utilization":
            one.at("metricType").refuse("Utilization or AverageValue")
            return None
        return cpu.of_share(value, self._key, self._requests)


def _first_words(error: ValueError) -> str:
    """Give what is wrong with a schedule in one line; a model's error tells what is allowed, line by line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    words = next(
        (line for line in lines if line.startswith("Value error, ")), lines[0] if lines else "it cannot be read"
    )
    return words.removeprefix("Value error, ").partition(" [type=")[0]
