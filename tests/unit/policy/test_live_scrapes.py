"""Scrape jobs whose pages choose their labels: a configuration in, warnings out."""

import pytest

from autoscaler.policy.live_scrapes import label_findings
from autoscaler.policy.source_settings import SourceSettings

GATEWAY = {"profile": "openfaas", "match": {"namespace": "openfaas", "job": "gateway"}}
SOURCE = SourceSettings.model_validate({"url": "http://p", "gateways": [GATEWAY]})
HONORED = "- {job_name: acme, honor_labels: true}\n"
ENFORCED = (
    "- job_name: acme\n  honor_labels: true\n  metric_relabel_configs:\n"
    "  - {source_labels: [__name__], regex: x, action: drop}\n  - {target_label: namespace, replacement: acme}\n"
)
CHOSEN = (
    "- job_name: acme\n  honor_labels: true\n  metric_relabel_configs:\n"
    "  - {source_labels: [tenant], target_label: namespace}\n"
)
PLAIN = "- {job_name: acme, honor_labels: false}\n- {job_name: other}\n"


def named(jobs: str | None, source: SourceSettings = SOURCE) -> list[str]:
    """Give what is said to be wrong."""
    configuration = None if jobs is None else f"scrape_configs:\n{jobs}"
    found = list(label_findings("sources.main", source, configuration))
    assert all((one.problem.code, one.is_warning) == ("LabelsHonored", True) for one in found)
    return [one.problem.wrong.rpartition(": ")[2] for one in found]


@pytest.mark.parametrize("jobs", [HONORED, CHOSEN])
def test_a_page_that_chooses_a_label_of_the_gateway_is_told(jobs: str) -> None:
    """Whoever may write namespace and job may write the gateway's series."""
    assert named(jobs) == ["acme"]


@pytest.mark.parametrize("jobs", [PLAIN, ENFORCED])
def test_a_label_that_is_set_after_all_else_is_no_choice(jobs: str) -> None:
    """Labels that clash are renamed, or one that the gateway is known by is set anew: nothing can be forged."""
    assert named(jobs) == []


def test_a_gateway_that_is_known_by_another_label_can_be_forged_all_the_same() -> None:
    """A fixed namespace protects only who names a namespace."""
    source = SOURCE.model_copy(update={"gateways": [SOURCE.gateways[0].model_copy(update={"match": {"job": "g"}})]})
    assert named(ENFORCED, source) == ["acme"]


def test_many_jobs_are_counted() -> None:
    """Ten are named, and how many more there are."""
    (said,) = named("".join(f"- {{job_name: j{number}, honor_labels: true}}\n" for number in range(12)))
    assert said.endswith("j9 and 2 more")


@pytest.mark.parametrize("configuration", [None, "", "[1]", "scrape_configs: {a: 1}", "scrape_configs: [1]", "{: ["])
def test_a_configuration_that_says_nothing_is_no_finding(configuration: str | None) -> None:
    """A server that does not tell, or tells something else, is not blamed."""
    assert list(label_findings("sources.main", SOURCE, configuration)) == []
