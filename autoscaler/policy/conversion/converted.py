"""What a conversion gives: policies, where each came from, and what was left behind."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from autoscaler.policy.conversion.written import Remark, Written
from autoscaler.policy.documents import API_VERSION
from autoscaler.policy.problems import Problem

Document = dict[str, Any]

NO_METRIC = (
    "no measure of load is carried, so the Tenant's default metrics hold, else concurrency of 100 at 0.7; write "
    "`metrics` before dryRun ends"
)


class Cpu(NamedTuple):
    """What the containers of a Deployment ask for.

    Attributes:
        cores: of one replica; None: one of its containers asks for nothing.
    """

    cores: float | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How policies shall be written.

    Attributes:
        namespace: of objects that name none; None: they have to.
        is_dry_run: policies decide and write nothing.
    """

    namespace: str | None = None
    is_dry_run: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """A policy and the object that it was made from.

    Attributes:
        document: the ScalingPolicy.
        file: name of the text of the object.
        line: its line.
        source: the object in words, such as `ScaledObject shop/thumbnail`.
        remarks: what became of the object's fields that are not carried as they are.
    """

    document: Document
    file: str
    line: int | None
    source: str
    remarks: tuple[Remark, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.document["metadata"]["namespace"], self.document["metadata"]["name"]


@dataclass(frozen=True, slots=True)
class Converted:
    """Everything that texts came to.

    Attributes:
        made: policies that `check` accepts, each name once.
        remarks: everything that is not carried as it is, in the order of the texts.
        problems: what could not be read or converted.
    """

    made: tuple[Made, ...]
    remarks: tuple[Remark, ...]
    problems: tuple[Problem, ...]


def policy(namespace: str, function: str, spec: Document, wanted: Wanted) -> Document:
    """Give the policy of one function; fields without a value are left out."""
    dry = {"dryRun": True} if wanted.is_dry_run else {}
    return {
        "apiVersion": API_VERSION,
        "kind": "ScalingPolicy",
        "metadata": {"name": function, "namespace": namespace},
        "spec": {"functions": {"names": [function]}, **dry, **{key: _tidy(value) for key, value in spec.items()}},
    }


def _tidy(value: object) -> object:
    """Write 50.0 as 50, as people do."""
    if isinstance(value, dict):
        return {key: _tidy(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_tidy(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def namespace_of(found: Written, wanted: Wanted) -> str:
    """Give the namespace of an object; where neither it nor anybody else says it, that is a problem, and this any name.

    So what else is wrong with the object is said too.
    """
    namespace = found.at("metadata", "namespace").text() or wanted.namespace
    if namespace is None:
        found.at("metadata").missing("namespace", "a namespace, or --namespace NAME")
    return namespace or "any"


def name_of(found: Written) -> str:
    """Give the name of an object; where it has none, that is a problem, and this any name."""
    name = found.at("metadata", "name")
    if not name.is_there:
        found.at("metadata").missing("name", "a name")
    return name.text() or "any"
