"""What reading one gateway needs: its queries, how its series name functions, and what they can prove."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.name_patterns import Known, NamePattern
from autoscaler.policy.profiles.catalog import CATALOG, OPENFAAS
from autoscaler.policy.profiles.custom import custom_queries
from autoscaler.policy.profiles.gateway import Gateway
from autoscaler.policy.profiles.openfaas import openfaas_queries
from autoscaler.policy.profiles.queries import POD_LABEL, SignalQuery, full_scrapes, matchers
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that reading one gateway needs; picklable.

    The range is wholly covered when `up` is 1, `scrapes` >= `full_scrapes`, `ragged` is 0, and `resets` is 0
    or missing; else every value is a lower bound, and so are those of a function that `went_back` names. No series
    `up` at all: nothing is known. Where `is_per_pod`, it is so for each function alone, when `covered` equals
    `targets`, `resets` is 0 or missing, and no fewer `targets` were found than pods can serve.

    Requests/s of a function in `born` are max(`rate`, `born` / range) where the range is covered: all that it
    counted, it counted within the range. Where it is not covered, a counter that was only not seen before looks
    born too, and requests/s are `rate`, or 0. Where `moved` is not 0 and `rate` is 0 or nothing, 0 is a lower bound.

    Zero is proven over the range when it is covered, `rate`, `concurrency`, `in_flight` and `moved` are
    all 0 (those the profile has), and `moved` names the function and `born` does not, or `has_alive` and
    `alive` names it: a function never called has counters nowhere, and nothing of it counts as 0 when `alive`
    names it.
    Where `has_in_flight` is False or `drains` is True, silence must have lasted longer than `request_timeout_s`: a long
    call moves no counter. Where `minds_replaced`, it is proven only if `replaced` is 0. Where `has_activity` is False,
    zero is never proven.

    Where `has_heartbeat`, the range is covered only if `deaf` is 0 or missing, and zero is proven only if it is 0.

    Attributes:
        queries: at most four.
        range_s: seconds that a sample covers.
        full_scrapes: scrapes that a wholly covered range has at least.
        tenants: tenants whose functions a series may count for; None: all of the source.
        request_timeout_s: longest request that the gateway lets run, seconds.
        namespace_labels: labels with the namespace, the first that a series has counts; none: the name holds it.
        name_labels: labels with the function's name, likewise.
        names: how the name's label holds names; None: as OpenFaaS does (`is_dotted`), or it is the name.
        default_namespace: namespace of a name that has none; None: such series are ignored.
        has_in_flight: whether requests in flight are known.
        drains: whether some may go on unseen, after a reload.
        minds_replaced: whether a process that was replaced may still end calls that the range does not tell of.
        has_heartbeat: whether what counts requests is a log, and a heartbeat tells that it is written and read.
        has_activity: whether silence is.
        counts_moved: whether `moved` is a number of requests; else it only says whether there were any.
        has_alive: whether functions that nobody ever called are named.
        is_dotted: whether a name may be `NAME.NAMESPACE`.
        is_per_pod: whether targets are the functions' own pods.
    """

    queries: tuple[SignalQuery, ...]
    range_s: float
    full_scrapes: int
    tenants: frozenset[str] | None
    request_timeout_s: float
    namespace_labels: tuple[str, ...]
    name_labels: tuple[str, ...]
    default_namespace: str | None
    has_in_flight: bool
    has_activity: bool
    has_alive: bool
    names: NamePattern | None = None
    drains: bool = False
    minds_replaced: bool = False
    has_heartbeat: bool = False
    counts_moved: bool = True
    is_dotted: bool = False
    is_per_pod: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that name a function."""
        return (*self.namespace_labels, *self.name_labels)

    @property
    def names_pods(self) -> bool:
        """Whether series name pods, whose names tell the function."""
        return self.is_per_pod and self.name_labels == (POD_LABEL,) and self.names is None

    @property
    def needs_s(self) -> float:
        """Seconds of silence that prove zero; 0: what is in flight tells it of the range itself."""
        return 0.0 if self.has_in_flight and not self.drains else self.request_timeout_s

    def held(self, labels: Mapping[str, str]) -> tuple[str, str]:
        """Give what the labels of the namespace and of the name hold; "" where there is none."""
        return _first(labels, self.namespace_labels), _first(labels, self.name_labels)

    def readings(self, labels: Mapping[str, str], known: Known | None = None) -> frozenset[FunctionKey]:
        """Give every function that a series may be about; several series of one function are to be summed.

        Args:
            labels: of the series.
            known: what `names` may find; None: any name.
        """
        if self.names is None:
            namespace, name = self.plain(labels)
            return frozenset([FunctionKey(namespace, name)]) if namespace and name else frozenset()
        namespace, value = self.held(labels)
        pairs = {(held or namespace or self.default_namespace, name) for held, name in self.names.splits(value, known)}
        return frozenset(FunctionKey(where, name) for where, name in pairs if where)

    def plain(self, labels: Mapping[str, str]) -> tuple[str, str]:
        """Give namespace and name where labels hold them as they are (no `names`); "" where there is none.

        OpenFaaS counts a call under the name that the caller wrote, so `figlet` and `figlet.openfaas-fn`
        are one function in two series.
        """
        namespace, name = self.held(labels)
        if self.is_dotted and "." in name:
            name, _, namespace = name.rpartition(".")
        return namespace or self.default_namespace or "", name


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        if value := labels.get(name):
            return value
    return ""


def profiles_of(source: SourceSettings) -> tuple[Profile, ...]:
    """Give the profiles of a source's gateways, in the order of the settings.

    Raises:
        ValueError: a gateway's `match` has a name that no label can have, or profile custom lacks queries.
    """
    return tuple(profile_of(gateway, source) for gateway in source.gateways)


def profile_of(gateway: GatewaySettings, source: SourceSettings) -> Profile:
    """Give the profile of one gateway of a source.

    Raises:
        ValueError: as `profiles_of`.
    """
    return (
        _custom(gateway, source) if gateway.profile == "custom" else _known(gateway, CATALOG[gateway.profile], source)
    )


def _custom(gateway: GatewaySettings, source: SourceSettings) -> Profile:
    if gateway.queries is None:
        raise ValueError("profile custom needs `queries`")
    names = None if gateway.names is None else NamePattern.parse(gateway.names)
    is_whole = names is not None and names.has_namespace
    return Profile(
        queries=custom_queries(gateway.queries, matchers(gateway.match), source, gateway.request_timeout),
        namespace_labels=() if is_whole else (gateway.namespace_label,),
        name_labels=(gateway.function_label,),
        names=names,
        has_in_flight=gateway.queries.in_flight is not None,
        minds_replaced=gateway.queries.in_flight is not None and gateway.request_timeout > source.range_s,
        has_activity=gateway.queries.activity is not None,
        has_alive=gateway.queries.alive is not None,
        counts_moved=False,
        **_common(gateway, source),
    )


def _known(gateway: GatewaySettings, known: Gateway, source: SourceSettings) -> Profile:
    namespace_labels, name_labels, names = _naming(gateway, known)
    if known is OPENFAAS:
        queries = openfaas_queries(matchers(gateway.match), source, gateway.request_timeout)
    else:
        queries = known.queries(gateway.match, source, (*namespace_labels, *name_labels))
    return Profile(
        queries=queries,
        namespace_labels=namespace_labels,
        name_labels=name_labels,
        names=names,
        has_in_flight=known.has_in_flight,
        drains=known.drains,
        minds_replaced=known is OPENFAAS and gateway.request_timeout > source.range_s,
        has_heartbeat=known.heartbeat is not None,
        has_activity=True,
        has_alive=known.has_alive,
        is_dotted=known is OPENFAAS,
        is_per_pod=known.is_per_pod,
        **_common(gateway, source),
    )


def _naming(gateway: GatewaySettings, known: Gateway) -> tuple[tuple[str, ...], tuple[str, ...], NamePattern | None]:
    """Give the labels with the namespace (none: the name holds it), those with the name, and how it is held.

    Labels of profile openfaas are those of its metrics, whatever is set.
    """
    if known is OPENFAAS:
        return (), (known.function_label,), None
    said = gateway.model_fields_set
    name_labels = (gateway.function_label,) if "function_label" in said else known.stored(known.function_label)
    # Whoever says where the namespace is, and not how the name is held, has a label that is the name.
    text = gateway.names or (None if "namespace_label" in said else known.default_names)
    names = None if text is None else NamePattern.parse(text)
    if names is not None and names.has_namespace:
        return (), name_labels, names
    if "namespace_label" in said:
        return (gateway.namespace_label,), name_labels, names
    return () if known.namespace_label is None else known.stored(known.namespace_label), name_labels, names


def _common(gateway: GatewaySettings, source: SourceSettings) -> dict[str, Any]:
    return {
        "range_s": source.range_s,
        "full_scrapes": full_scrapes(source),
        "tenants": None if "*" in gateway.tenants else frozenset(gateway.tenants),
        "request_timeout_s": gateway.request_timeout,
        "default_namespace": gateway.default_namespace,
    }
