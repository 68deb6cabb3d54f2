"""Every problem of settings and documents at once."""

from collections.abc import Collection, Iterator, Mapping

from pydantic.alias_generators import to_camel

from autoscaler.policy.callers import problems_of_callers
from autoscaler.policy.claims import SETTINGS
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.labels import Fields
from autoscaler.policy.loading import Given, Loaded, PolicySet, layers_of, load
from autoscaler.policy.metrics import GATEWAYS, Metric
from autoscaler.policy.name_patterns import NamePattern
from autoscaler.policy.precedence import tenant_layers
from autoscaler.policy.problems import Problem, shown, suggestion
from autoscaler.policy.profiles import CATALOG, matchers, profiles_of
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.settings import Settings
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings
from autoscaler.policy.wake_answers import BODYLESS, NO_NGINX

__all__ = ["SETTINGS", "check", "settings_problems"]


def check(settings: Settings | None, files: Mapping[str, str]) -> list[Problem]:
    """Give everything that is wrong with settings and policy documents, ordered by file and line.

    Args:
        settings: valid settings; None: documents are checked alone, and any source is taken for known.
        files: text of each document file by name.
    """
    if settings is None:
        return list(load(files).problems)
    policies = load(files, given=Given.by(settings))
    # A tenant that no file has may be a custom resource.
    unknown = () if settings.kubernetes.custom_resources else _tenant_problems(settings, policies.tenants.keys())
    found = [*settings_problems(settings), *unknown]
    # Of settings that are wrong themselves, what documents lack would only be a consequence.
    unmeasured = () if found else _unmeasured(settings, policies)
    return [*found, *sorted((*policies.problems, *unmeasured), key=lambda one: (one.file, one.line or 0, one.path))]


def settings_problems(settings: Settings) -> Iterator[Problem]:
    """Give what is wrong with settings beyond what their models see."""
    yield from problems_of_callers(settings)
    for name, source in settings.sources.items():
        path = f"sources.{name}"
        if source.range is not None and source.range < 4 * source.scrape_interval:
            wrong = f"is {format_duration(source.range)}: with one scrape lost, rate needs four for two samples"
            allowed = f"4 × scrapeInterval ({format_duration(4 * source.scrape_interval)}) and more"
            yield Problem(SETTINGS, None, f"{path}.range", wrong, allowed)
        if source.username is not None and source.bearer_token_file is not None:
            wrong = "is there beside username; a request carries one of them"
            yield Problem(SETTINGS, None, f"{path}.bearerTokenFile", wrong, "one way to authenticate")
        if (source.username is None) != (source.password_file is None):
            yield Problem(
                SETTINGS, None, f"{path}.username", "username and passwordFile need each other", "both or none"
            )
        for position, gateway in enumerate(source.gateways):
            yield from _gateway_problems(f"{path}.gateways[{position}]", gateway, source)


def _gateway_problems(path: str, gateway: GatewaySettings, source: SourceSettings) -> Iterator[Problem]:
    if not gateway.match:
        wrong = "is empty: every target of this Prometheus would have to be up for a load to be known whole"
        yield Problem(SETTINGS, None, f"{path}.match", wrong, "labels that select the gateway's targets, such as job")
    yield from _wake_problems(path, gateway)
    if gateway.profile == "custom" and gateway.queries is None:
        yield Problem(SETTINGS, None, f"{path}.queries", "is missing", "queries of profile custom")
        return
    if gateway.profile != "custom" and gateway.queries is not None:
        yield Problem(SETTINGS, None, f"{path}.queries", f"means nothing to profile {gateway.profile}", "none")
    yield from _naming_problems(path, gateway)
    queries = gateway.queries
    if gateway.profile == "custom" and queries is not None and queries.rate is None and queries.concurrency is None:
        yield Problem(SETTINGS, None, f"{path}.queries", "has neither rate nor concurrency", "one of them at least")
    try:
        matchers(gateway.match)
        profiles_of(source)
    except ValueError as error:
        yield Problem(SETTINGS, None, f"{path}.match", "is no selector", str(error))


def _wake_problems(path: str, gateway: GatewaySettings) -> Iterator[Problem]:
    """Find ways to answer wakes that this gateway cannot follow; a profile may tell only who counts, not who asks."""
    if gateway.wake.accel_redirect and gateway.profile in NO_NGINX:
        wrong = f"means nothing to profile {gateway.profile}: only nginx follows X-Accel-Redirect"
        yield Problem(SETTINGS, None, f"{path}.wake.accelRedirect", wrong, "none, or a gateway of nginx")
    if gateway.wake.waiting_page and gateway.profile in BODYLESS:
        wrong = f"is never seen with profile {gateway.profile}: auth_request drops the body of a refusal"
        yield Problem(
            SETTINGS, None, f"{path}.wake.waitingPage", wrong, "false, and a page of its own (custom-http-errors)"
        )


def _naming_problems(path: str, gateway: GatewaySettings) -> Iterator[Problem]:
    """Name what is said of names and means nothing, or leaves nobody a namespace."""
    if gateway.profile == "openfaas":
        said = gateway.model_fields_set & {"namespace_label", "function_label", "names"}
        for name in sorted(said):
            wrong = "means nothing to profile openfaas, whose function_name holds both"
            yield Problem(SETTINGS, None, f"{path}.{to_camel(name)}", wrong, "defaultNamespace")
        return
    said_names = None if gateway.names is None else NamePattern.parse(gateway.names)
    known = CATALOG.get(gateway.profile)
    has_label = known is None or known.namespace_label is not None or "namespace_label" in gateway.model_fields_set
    if said_names is not None and not (said_names.has_namespace or has_label or gateway.default_namespace):
        wrong = f"is {shown(said_names.text)}, which has no {{namespace}}, and nothing else says the namespace"
        yield Problem(
            SETTINGS, None, f"{path}.names", wrong, "{namespace} in it, or namespaceLabel, or defaultNamespace"
        )


def _tenant_problems(settings: Settings, tenants: Collection[str]) -> Iterator[Problem]:
    for name, source in settings.sources.items():
        for position, gateway in enumerate(source.gateways):
            for number, tenant in enumerate(gateway.tenants):
                if tenant != "*" and tenant not in tenants:
                    path = f"sources.{name}.gateways[{position}].tenants[{number}]"
                    allowed = suggestion(tenant, [*tenants, "*"])
                    yield Problem(SETTINGS, None, path, f"{shown(tenant)} is no tenant", allowed)


def _unmeasured(settings: Settings, policies: PolicySet) -> Iterator[Problem]:
    """Name what documents ask for and no gateway of their tenant can tell; it would be unknown for ever."""
    for name, tenant in policies.tenants.items():
        source = settings.sources.get(tenant.document.spec.source)
        gateways = [one for one in source.gateways if {"*", name} & set(one.tenants)] if source is not None else []
        known = {signal for gateway in gateways for signal in _signals(gateway)}
        own = [policy for namespace in policies.owned[name] for policy in policies.policies.get(namespace, {}).values()]
        if not gateways:
            wrong = f"no gateway of source {tenant.document.spec.source} serves this tenant"
            yield Problem(tenant.file, tenant.line("spec.source"), "spec.source", wrong, "a source with such a gateway")
            continue
        asking: list[tuple[Loaded[Tenant] | Loaded[ScalingPolicy], str, Fields]]
        asking = [(policy, "spec", layers_of(tenant, policy)) for policy in own]
        if not own:
            asking = [(tenant, "spec.defaults", tenant_layers(tenant.document.spec.defaults, tenant.at))]
        for loaded, prefix, fields in asking:
            for path, needed in _needs(fields, tenant.document.spec.bounds.allow_zero):
                if needed not in known:
                    place = f"{prefix}.{path}"
                    wrong = f"needs {needed} ({fields[path].origin}), which no gateway of {name} can tell"
                    yield Problem(loaded.file, loaded.line(place), place, wrong, ", ".join(sorted(known)) or "none")


def _signals(gateway: GatewaySettings) -> Iterator[str]:
    if (known := CATALOG.get(gateway.profile)) is not None:
        yield from ("rps", "concurrency", "activity") if known.has_in_flight else ("rps", "activity")
    elif (queries := gateway.queries) is not None:
        given = {"rps": queries.rate, "concurrency": queries.concurrency, "activity": queries.activity}
        yield from (signal for signal, text in given.items() if text is not None)


def _needs(fields: Fields, is_zero_allowed: bool) -> Iterator[tuple[str, str]]:
    """Give each signal of a gateway that fields ask for, with the path that asks.

    Where nothing but queues and queries is measured, idleness is theirs to prove.
    """
    types = [metric.type for metric in fields["metrics"].of(list) if isinstance(metric, Metric)]
    yield from (("metrics", kind) for kind in types if kind in GATEWAYS)
    if fields["zero"].value is not None and is_zero_allowed and not set(types) <= {"queue", "query"}:
        yield "zero", "activity"
