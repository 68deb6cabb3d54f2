"""Whether an expression reads what the daemon exports: names and labels, against the registry."""

import promql_parser as promql

from autoscaler.server.registry import METRICS, Kind

SCRAPED = {"namespace", "job", "instance", "pod"}
"""Labels that the shipped scrape configurations give to every series. A page's own `namespace` is `exported_namespace` then."""

_PARTS = {"bucket": {"le"}, "sum": set[str](), "count": set[str]()}
"""What a histogram's series are called beside its name, and the labels that they have beside its own."""

OF_ALERTS = {"alertname", "alertstate", "severity"}


def unknown(text: str) -> list[str]:
    """Give the metrics and labels of an expression that are not exported, in the order in which they come."""
    nodes = _nodes(promql.parse(text))
    selectors = [node for node in nodes if isinstance(node, promql.VectorSelector)]
    found = [one.name or "{}" for one in selectors if _labels(one.name or "") is None]
    for one in selectors:
        known = _labels(one.name or "") or set()
        found += [f"{one.name}{{{matcher.name}}}" for matcher in one.matchers.matchers if matcher.name not in known]
    every = set[str]().union(*(_labels(one.name or "") or set() for one in selectors))
    return found + [label for node in nodes for label in _grouped(node) if label not in every]


def _labels(name: str) -> set[str] | None:
    """Give the labels that series of a metric have; None: there is no such metric."""
    if name in METRICS and METRICS[name].kind is not Kind.HISTOGRAM:
        own = {"exported_namespace" if label == "namespace" else label for label in METRICS[name].labels}
        return own | SCRAPED
    stem, underscore, part = name.rpartition("_")
    if underscore and part in _PARTS and stem in METRICS and METRICS[stem].kind is Kind.HISTOGRAM:
        return {*METRICS[stem].labels, *_PARTS[part]} | SCRAPED
    if name == "ALERTS":
        return SCRAPED | OF_ALERTS | {"tenant", "source", "reason"}
    level, colon, rest = name.partition(":")
    return set(level.split("_")) if colon and rest.split(":")[0].startswith("autoscaler_") else None


def _nodes(tree: promql.Expr) -> list[promql.Expr]:
    found: list[promql.Expr] = []
    promql.walk(tree, found.append)
    return found


def _grouped(node: promql.Expr) -> list[str]:
    """Give the labels by which a node groups or joins."""
    if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
        return list(node.modifier.labels)
    if isinstance(node, promql.BinaryExpr) and node.modifier is not None:
        matching = node.modifier.matching
        return [*(matching.labels if matching is not None else []), *(node.modifier.group_labels or [])]
    return []
