"""Every object of some texts, each by the conversion of its kind; each function gets one policy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from autoscaler.policy.contradictions import contradictions, of_queries
from autoscaler.policy.conversion import hpa, keda, knative, openfaas
from autoscaler.policy.conversion.converted import Converted, Cpu, Document, Made, Wanted
from autoscaler.policy.conversion.cpu import requested_cores
from autoscaler.policy.conversion.texts import objects
from autoscaler.policy.conversion.written import Remark, Written, printable
from autoscaler.policy.documents import ScalingPolicy
from autoscaler.policy.precedence import BUILT_IN, policy_layers
from autoscaler.policy.problems import Problem, problems_of

_KINDS = (
    "ScaledObject (keda.sh), HorizontalPodAutoscaler (autoscaling), Service, Configuration and Revision "
    "(serving.knative.dev), Deployment (apps), Function (openfaas.com), stack files of OpenFaaS"
)
_TITLE = 400
"""Characters of an object's name that are told: what Kubernetes allows, and its namespace."""


def convert(files: Mapping[str, str], wanted: Wanted) -> Converted:
    """Convert everything that can be, and name everything that cannot.

    Args:
        files: texts by name: manifests, `kubectl get -o yaml`, stack files; in the order in which they are told.
        wanted: how policies shall be written.
    """
    reading = _Reading(wanted)
    found = list(objects(files))
    for one, problems in found:
        reading.problems += problems
        if one is not None and _kind(one) == ("apps", "Deployment"):
            reading.note_requests(one)
    given = [one for one, _ in found if one is not None]
    # What somebody else scales has labels too, and they hold over nothing there; so Deployments come last.
    for one in sorted(given, key=lambda one: _kind(one) == ("apps", "Deployment")):
        reading.take(one)
    return Converted(tuple(reading.made.values()), tuple(reading.remarks), tuple(reading.problems))


@dataclass(slots=True)
class _Reading:
    """One pass over all objects."""

    wanted: Wanted
    requests: dict[tuple[str, str], Cpu] = field(default_factory=dict)
    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note_requests(self, found: Written) -> None:
        """Note what the containers of a Deployment ask for: targets of HPAs are shares of it."""
        value = found.value if isinstance(found.value, Mapping) else {}
        metadata, spec = value.get("metadata"), value.get("spec")
        if isinstance(metadata, Mapping) and isinstance(spec, Mapping):
            namespace, name = metadata.get("namespace") or self.wanted.namespace, metadata.get("name")
            if isinstance(namespace, str) and isinstance(name, str):
                self.requests[namespace, name] = requested_cores(spec.get("template"))

    def take(self, found: Written) -> None:
        """Convert one object; whatever is wrong with it, the others are converted."""
        account = found.account
        account.title = _title(found)
        problems, remarks = 0, 0
        for place, document in self._policies(found):
            if len(account.problems) == problems:  # what is wrong with one function of a stack file is no other's
                self._keep(found, place, document, account.remarks[remarks:])
            problems, remarks = len(account.problems), len(account.remarks)
        self.problems += account.problems
        self.remarks += account.remarks

    def _policies(self, found: Written) -> Iterator[tuple[Written, Document]]:
        document: Document | None = None
        match _kind(found):
            case ("keda.sh", "ScaledObject"):
                document = keda.convert(found, self.wanted, self.requests)
            case ("autoscaling", "HorizontalPodAutoscaler"):
                document = hpa.convert(found, self.wanted, self.requests)
            case ("serving.knative.dev", "Service" | "Configuration" | "Revision"):
                document = knative.convert(found, self.wanted)
            case ("apps", "Deployment"):
                document = openfaas.of_deployment(found, self.wanted, self.made.keys())
            case ("openfaas.com", "Function"):
                document = openfaas.of_function(found, self.wanted)
            case ("", "") if found.at("functions").is_there:
                yield from openfaas.of_stack(found, self.wanted)
            case ("", ""):
                found.missing("kind", _KINDS)
            case (_, kind):
                found.lack(f"no {kind[:60]} is converted; these are: {_KINDS}")
        if document is not None:
            yield found, document

    def _keep(self, found: Written, place: Written, document: Document, remarks: Sequence[Remark]) -> None:
        """Keep a policy, unless its function has one already or it contradicts itself."""
        account = found.account
        title = account.title if place is found else place.path
        made = Made(document, found.file, place.line, title, tuple(remarks))
        first = self.made.get(made.key)
        if first is not None:
            words = f"{first.source} ({first.file}:{first.line}) is for the same function, and that is converted"
            place.lack(words)
            return
        refusals = list(_refusals(made))
        account.problems += refusals
        if not refusals:
            self.made[made.key] = made


def _kind(found: Written) -> tuple[str, str]:
    """Give API group and kind; both empty where an object has neither."""
    version, kind = found.at("apiVersion"), found.at("kind")
    group = version.value.partition("/")[0] if isinstance(version.value, str) else ""
    return (group, kind.value) if isinstance(kind.value, str) else ("", "")


def _title(found: Written) -> str:
    """Name an object by kind, namespace and name, as far as it says them."""
    value = found.value if isinstance(found.value, Mapping) else {}
    metadata = value.get("metadata")
    named = metadata if isinstance(metadata, Mapping) else {}
    place = [part for part in (named.get("namespace"), named.get("name")) if isinstance(part, str)]
    kind = value.get("kind")
    words = " ".join([kind if isinstance(kind, str) else "object", *(["/".join(place)] if place else [])])
    return printable(words[:_TITLE])


def _refusals(made: Made) -> Iterator[Problem]:
    """Say what makes a policy one that `check` would refuse: what it was made from contradicts itself."""
    where = f"the ScalingPolicy of {made.source}"
    try:
        spec = ScalingPolicy.model_validate(made.document).spec
    except ValidationError as error:
        for one in problems_of(error, ScalingPolicy, made.file, {}):
            yield Problem(made.file, made.line, "", f"{where} would be refused: {one.path} {one.wrong}", one.allowed)
        return
    fields = policy_layers(BUILT_IN, spec, lambda path: path)
    for found in (*contradictions(fields), *of_queries(spec.metrics, None, (), len(spec.metrics) * 2)):
        yield Problem(made.file, made.line, "", f"{where} would be refused: {found.wrong}", found.allowed)
