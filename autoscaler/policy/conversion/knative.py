"""Annotations of a Knative Service, Configuration or Revision → a policy.

Source: knative/serving pkg/apis/autoscaling/register.go and pkg/autoscaler/config/config.go; what `config-autoscaler`
of a cluster says otherwise cannot be seen from here.
"""

from collections.abc import Mapping

from autoscaler.policy.conversion.converted import Document, Wanted, name_of, namespace_of, policy
from autoscaler.policy.conversion.written import Written
from autoscaler.policy.quantities import format_duration, parse_duration

PREFIX = "autoscaling.knative.dev/"
DEADLINE = "serving.knative.dev/progress-deadline"

WINDOW_S = 60.0
GRACE_S = 30.0
CONCURRENCY = 100.0
RPS = 200.0
UTILIZATION = 0.7
"""`stable-window`, `scale-to-zero-grace-period`, `container-concurrency-target-default`,
`requests-per-second-target-default` and `container-concurrency-target-percentage` as they ship."""

_LONGEST_WINDOW_S = 900.0
_OLD = {
    "minScale": "min-scale",
    "maxScale": "max-scale",
    "initialScale": "initial-scale",
    "scaleToZeroPodRetentionPeriod": "scale-to-zero-pod-retention-period",
    "targetUtilizationPercentage": "target-utilization-percentage",
    "targetBurstCapacity": "target-burst-capacity",
    "panicWindowPercentage": "panic-window-percentage",
    "panicThresholdPercentage": "panic-threshold-percentage",
}
"""Names of before Knative 1.0 that it still reads."""
_LEFT = {
    "target-burst-capacity": "no activator stands in the way of requests here: a gateway asks `/v1/wake` at zero alone",
    "metric-aggregation-algorithm": "windows are plain means here, Knative's default too",
}


def convert(found: Written, wanted: Wanted) -> Document | None:
    """Give the policy of a Service, Configuration or Revision; None: it has none, and why is in its account."""
    namespace, name = namespace_of(found, wanted), name_of(found)
    is_revision = found.at("kind").text() == "Revision"
    template = found if is_revision else found.at("spec", "template")
    annotations = _Annotations(template.at("metadata", "annotations"))
    if is_revision:
        name = found.at("metadata", "labels", "serving.knative.dev/service").text() or name
    else:
        for one in found.at("metadata", "annotations").fields():
            if str(one.parts[-1]).startswith(PREFIX):
                one.drop("Knative reads it in `spec.template.metadata.annotations` alone")
    if _is_hpa(annotations):
        return None
    limit = template.at("spec", "containerConcurrency").whole()
    spec = _spec(annotations, limit or None)
    annotations.drop_rest()
    return policy(namespace, name, spec, wanted)


def _is_hpa(annotations: "_Annotations") -> bool:
    """Tell whether Knative leaves the scaling to an HPA, which says its own."""
    kind, metric = annotations.at("class"), annotations.at("metric")
    if (kind.text() or "").startswith("hpa.") or metric.text() in ("cpu", "memory"):
        metric = metric if metric.is_there else kind
        metric.drop("Knative makes an HPA of it: convert that (kubectl get hpa -o yaml)")
        return True
    return False


def _spec(said: "_Annotations", limit: int | None) -> Document:
    stable_s = said.duration_s("window", WINDOW_S)
    window_s = min(stable_s, _LONGEST_WINDOW_S)
    if stable_s > window_s:
        said.at("window").note(f"windows reach {format_duration(_LONGEST_WINDOW_S)} here, which is what holds")
    share = said.number("panic-window-percentage", 10.0, 1, 100) / 100
    least, most = said.whole("min-scale", 0), said.whole("max-scale", 0)
    deadline = said.duration_s(DEADLINE, 0.0)
    return {
        "metrics": [_metric(said, limit)],
        **({} if limit is None else {"concurrencyLimit": limit}),
        "replicas": {
            "min": least,
            **({"max": most} if most else {}),
            "activation": max(1, said.whole("activation-scale", 1)),
            "initial": _initial(said),
        },
        "windows": {
            "stable": format_duration(window_s),
            "panic": None if share >= 1 else format_duration(window_s * share),
            "panicThreshold": said.number("panic-threshold-percentage", 200.0, 101, 100_000) / 100,
        },
        "scaleUp": {"maxRate": 1000, "tolerance": 0, "stabilization": "0s", "policies": []},
        "scaleDown": {
            "maxRate": 2,
            "tolerance": 0,
            "delay": format_duration(min(said.duration_s("scale-down-delay", 0.0), 3600.0)),
            "stabilization": "0s",
            "policies": [],
        },
        "zero": _zero(said, least, stable_s),
        **({"progressDeadline": format_duration(deadline)} if deadline else {}),
    }


def _metric(said: "_Annotations", limit: int | None) -> Document:
    """Give the one metric: a target that is said, at most what a replica takes; else that; else Knative's default."""
    kind = said.at("metric").text() or "concurrency"
    if kind not in ("concurrency", "rps"):
        said.at("metric").refuse("concurrency or rps; cpu and memory are an HPA's")
        kind = "concurrency"
    default = RPS if kind == "rps" else float(limit or CONCURRENCY)
    aim = said.number("target", default, 0.01, 1e9)
    if kind == "concurrency" and limit is not None and aim > limit:
        said.at("target").note(f"a replica takes {limit} at once (containerConcurrency), which is the target then")
        aim = float(limit)
    share = said.number("target-utilization-percentage", UTILIZATION * 100, 1, 100) / 100
    return {"type": kind, "target": aim, "utilization": round(share, 6)}


def _initial(said: "_Annotations") -> int:
    initial = said.whole("initial-scale", 1)
    if initial == 0:
        said.at("initial-scale").drop("create the Deployment with `replicas: 0`: it then is not started")
    return max(1, initial)


def _zero(said: "_Annotations", least: int, stable_s: float) -> Document | None:
    """Give when it goes to zero: an empty stable window, and then the grace period, or longer if the last pod is kept."""
    kept_s = said.duration_s("scale-to-zero-pod-retention-period", 0.0)
    if least > 0:
        return None
    return {"after": format_duration(stable_s + max(GRACE_S, kept_s))}


class _Annotations:
    """Knative's annotations under their newer names.

    Args:
        found: the annotations of a revision, or of the template of one.
    """

    def __init__(self, found: Written) -> None:
        self._found = found
        value = found.value
        self._there = value if isinstance(value, Mapping) else {}
        found.fields()

    def at(self, name: str) -> Written:
        """Give an annotation, by its newer name or, where only that is there, by its older one."""
        if name == DEADLINE:
            return self._found.at(name)
        older = next((old for old, new in _OLD.items() if new == name), name)
        is_older = f"{PREFIX}{name}" not in self._there and f"{PREFIX}{older}" in self._there
        return self._found.at(f"{PREFIX}{older if is_older else name}")

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Give a number; `default` where it is not said, or cannot be read."""
        found = self.at(name).number(least, most)
        return default if found is None else found

    def whole(self, name: str, default: int) -> int:
        """Give a whole number; `default` where it is not said, or cannot be read."""
        found = self.at(name).whole()
        return default if found is None else found

    def duration_s(self, name: str, default: float) -> float:
        """Give a duration in seconds; `default` where it is not said, or cannot be read."""
        found = self.at(name)
        text = found.text()
        if text is None:
            return default
        try:
            return 0.0 if text == "0" else parse_duration(text)
        except ValueError as error:
            found.refuse(str(error))
            return default

    def drop_rest(self) -> None:
        """Say of every annotation of Knative's autoscaler that nobody has looked at that it is not carried."""
        for one in self._found.fields():
            key = str(one.parts[-1])
            if key.startswith(PREFIX) and one.parts not in self._found.account.looked_at:
                one.drop(_LEFT.get(key.removeprefix(PREFIX), "it is not known here"))
