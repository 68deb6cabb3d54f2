"""Labels `com.openfaas.scale.*` of a Deployment, a Function or a stack file → a policy.

The labels are read as the daemon reads them on running functions, by `policy.labels`: nothing has to be converted for
them to hold, and where they stay they hold over a policy.

Source: docs.openfaas.com/architecture/autoscaling for what is left out.
"""

from collections.abc import Collection, Iterator, Mapping

from pydantic import BaseModel

from autoscaler.policy.conversion.converted import Document, Wanted, name_of, namespace_of, policy
from autoscaler.policy.conversion.written import Written
from autoscaler.policy.labels import BUILT_IN_ORIGIN, MEANINGS, OPENFAAS, Said, marks_of, read_marks
from autoscaler.policy.metrics import Metric
from autoscaler.policy.precedence import BUILT_IN
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.scale_factor import with_factor
from autoscaler.policy.scaling import AlertRule

LEAST, MOST = 1, 20
"""OpenFaaS's own `scale.min` and `scale.max`."""
NAMESPACE = "openfaas-fn"
"""Where functions are whose stack file names no namespace."""
METRIC: Document = {"type": "rps", "target": 50.0, "utilization": 0.9}

_BELOW = {**BUILT_IN, "metrics": Said([Metric.model_validate(METRIC)], BUILT_IN_ORIGIN)}
_FUNCTION = "faas_function"
_DURATIONS = frozenset({"scaleDown.stabilization"})
_LEFT = "it steers nothing here"


def of_deployment(found: Written, wanted: Wanted, converted: Collection[tuple[str, str]]) -> Document | None:
    """Give the policy of a Deployment; None: it is no function of OpenFaaS, and has none of its labels.

    Args:
        converted: namespace and name of functions that another autoscaler's object has a policy for already.
    """
    template = found.at("spec", "template")
    places = [part.at("metadata", kind) for part in (template, found) for kind in ("labels", "annotations")]
    is_function = any(_FUNCTION in one.value for one in places if isinstance(one.value, Mapping))
    said = {key: one for place in places for key, one in _said(place)}
    namespace, name = namespace_of(found, wanted), name_of(found)
    if (namespace, name) in converted:
        for one in said.values():
            one.drop("another object is converted for this function; take the label away, for it holds over policies")
        return None
    if not (is_function or said):
        found.lack("it has neither labels com.openfaas.scale.* nor faas_function: the Tenant's defaults hold")
        return None
    containers = template.at("spec", "containers").items()
    limit = next((one for one in map(_inflight_of_container, containers) if one is not None), None)
    return policy(namespace, name, _spec(said, limit, found), wanted)


def of_function(found: Written, wanted: Wanted) -> Document | None:
    """Give the policy of a Function, OpenFaaS's custom resource."""
    namespace, spec = namespace_of(found, wanted), found.at("spec")
    name = spec.at("name").text() or name_of(found)
    return policy(namespace, name, _spec(_all_said(spec), _inflight(spec.at("environment")), spec), wanted)


def of_stack(found: Written, wanted: Wanted) -> Iterator[tuple[Written, Document]]:
    """Give the policy of each function of a stack file, with the place where it is."""
    for one in found.at("functions").fields():
        one.fields()  # what is no mapping is a problem of its own
        namespace = one.at("namespace").text() or wanted.namespace or NAMESPACE
        spec = _spec(_all_said(one), _inflight(one.at("environment")), one)
        yield one, policy(namespace, str(one.parts[-1]), spec, wanted)


def _all_said(found: Written) -> dict[str, Written]:
    return {key: one for kind in ("labels", "annotations") for key, one in _said(found.at(kind))}


def _said(place: Written) -> Iterator[tuple[str, Written]]:
    for one in place.fields():
        key = str(one.parts[-1])
        if key.startswith(OPENFAAS):
            yield key, one


def _spec(said: Mapping[str, Written], limit: int | None, owner: Written) -> Document:
    texts = {key: one.text() or "" for key, one in said.items()}
    read = read_marks(marks_of(texts, {}), _BELOW, owner.path)
    for key, one in said.items():
        if key not in MEANINGS:
            one.drop(_LEFT)
    for problem in read.problems:
        said[problem.path].refuse(problem.allowed)
    spec: Document = {
        "metrics": [dict(METRIC)],
        **({} if limit is None else {"concurrencyLimit": limit}),
        "replicas": {"min": LEAST, "max": MOST},
        "zero": None,
    }
    for path, value in read.fields.items():
        _put(spec, path, value.value)
    least, most = spec["replicas"]["min"], spec["replicas"]["max"]
    if f"{OPENFAAS}max" not in texts and least > most:
        spec["replicas"]["max"] = most = least
    if read.flags.alert_percent is not None:
        known = {**_BELOW, "replicas.max": Said(most, OPENFAAS)}
        spec["alerts"] = [_alert(rule) for rule in with_factor(known, read.flags.alert_percent)["alerts"].of(list)]
    return spec


def _alert(rule: AlertRule) -> Document:
    add = rule.boost.add if rule.boost is not None else 0
    return {"match": dict(rule.match), "boost": {"add": add}, "expires": format_duration(rule.expires)}


def _put(spec: Document, path: str, value: object) -> None:
    """Put a field where documents have it, as they write it."""
    group, _, name = path.rpartition(".")
    place = spec.setdefault(group, {}) if group else spec
    place[name] = format_duration(value) if path in _DURATIONS and isinstance(value, float) else _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _inflight_of_container(container: Written) -> int | None:
    for one in container.at("env").items():
        if one.at("name").text() == "max_inflight":
            return one.at("value").whole() or None
    return None


def _inflight(environment: Written) -> int | None:
    """Give what the watchdog takes at once, which 0 does not limit; None: nothing says it."""
    return environment.at("max_inflight").whole() or None
