"""Which scrape jobs of a Prometheus let a page choose its labels, and so speak for targets that are not its own."""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from autoscaler.policy.claims import SETTINGS
from autoscaler.policy.live_checks import Finding
from autoscaler.policy.problems import Problem
from autoscaler.policy.source_settings import SourceSettings

_MOST_NAMED = 10


def label_findings(path: str, source: SourceSettings, configuration: str | None) -> Iterator[Finding]:
    """Warn of jobs whose pages may write series that count as a gateway's.

    Args:
        path: the source's place in the settings.
        source: which gateways it has.
        configuration: of its server, YAML; None: it does not tell, and nothing can be said.
    """
    chosen = [set(gateway.match) for gateway in source.gateways]
    jobs = [name for name, fixed in _honoring(configuration) if any(not match & fixed for match in chosen)]
    if not jobs:
        return
    named = ", ".join(jobs[:_MOST_NAMED]) + (f" and {len(jobs) - _MOST_NAMED} more" if len(jobs) > _MOST_NAMED else "")
    wrong = f"scrapes with honor_labels: true: {named}"
    allowed = (
        "pages that only operators write; for others honor_labels: false, or overrideHonorLabels or "
        "enforcedNamespaceLabel: namespace of prometheus-operator (docs/sources.md)"
    )
    problem = Problem(SETTINGS, None, f"{path}.url", wrong, allowed, "LabelsHonored")
    lost = (
        "Whoever writes such a page can write series of any gateway: load that is none, and requests that have "
        "ended which run, so that another tenant's function goes to zero under a call."
    )
    yield Finding(problem, lost, is_warning=True)


def _honoring(configuration: str | None) -> Iterator[tuple[str, set[str]]]:
    """Give jobs whose pages choose labels, and the labels that are set after all else, which they cannot choose."""
    for job in _jobs(configuration):
        if job.get("honor_labels") is True:
            rules = job.get("metric_relabel_configs")
            yield str(job.get("job_name")), {label for rule in rules or () if (label := _fixed(rule)) is not None}


def _jobs(configuration: str | None) -> Iterator[dict[str, Any]]:
    try:
        document = YAML(typ="safe").load(configuration or "")
    except YAMLError:
        return
    jobs = document.get("scrape_configs") if isinstance(document, dict) else None
    yield from (job for job in (jobs if isinstance(jobs, list) else ()) if isinstance(job, dict))


def _fixed(rule: object) -> str | None:
    """Give the label that a rule sets whatever the page says; None: it sets none, or not always."""
    if not isinstance(rule, dict) or rule.get("action", "replace") != "replace" or rule.get("source_labels"):
        return None
    label = rule.get("target_label")
    return label if isinstance(label, str) else None
