"""What a server tells of its own configuration."""

from pathlib import Path

import pytest

from autoscaler.adapters.prometheus.survey import Survey
from autoscaler.policy.live_scrapes import label_findings
from tests.integration.prometheus.loading import openfaas, source
from tests.servers.page import ServedPage
from tests.servers.prometheus import VERSIONS, prometheus

pytestmark = pytest.mark.server

JOBS = """\
  - {job_name: acme, honor_labels: true, static_configs: []}
  - {job_name: plain, static_configs: []}
"""


@pytest.mark.parametrize("program", VERSIONS)
def test_jobs_that_honor_labels_are_found_in_a_real_configuration(tmp_path: Path, program: str) -> None:
    """The server is asked for its configuration, and for series before and after."""
    with prometheus(tmp_path, {}, config=JOBS, program=program) as server:
        settings = source(server.url, openfaas())
        with Survey(settings) as asking:
            asking.ask("up")
            found = list(label_findings("sources.main", settings, asking.configuration()))
            asking.ask("up")
    assert [one.problem.wrong.rpartition(": ")[2] for one in found] == ["acme"]


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (404, "text/plain", "404 page not found"),
        (200, "text/html", "<html>"),
        (200, "application/json", "{"),
        (200, "application/json", "[]"),
        (200, "application/json", '{"status": "success", "data": {}}'),
    ],
)
def test_a_server_that_does_not_tell_is_not_sick(status: int, kind: str, text: str) -> None:
    """Mimir, Thanos or a proxy answer 404, or something else: then nothing is known of it."""
    page = ServedPage(lambda: text, lambda: status, content_type=kind)
    with page, Survey(source(f"http://{page.address}", openfaas())) as asking:
        assert asking.configuration() is None
