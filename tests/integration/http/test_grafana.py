"""The shipped Grafana dashboard: every panel and variable reads what a daemon exports, and a Prometheus answers each."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.server.registry import METRICS
from tests.integration.http.everything import everything
from tests.servers.exported import unknown
from tests.servers.page import ServedPage
from tests.servers.process import wait_until
from tests.servers.prometheus import Prometheus, prometheus
from tests.servers.rendering import MANIFESTS

DASHBOARD: dict[str, Any] = json.loads((MANIFESTS / "components" / "dashboard" / "autoscaler.json").read_text())
RULES = MANIFESTS / "chart" / "files" / "alerts.yaml"
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
VARIABLES = {one["name"]: one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"}
CHOSEN = {
    "$tenant": "acme|umbrella",
    "$functions_namespace": "acme-prod",
    "$function": "checkout",
    "$__rate_interval": "1m",
    "$__range": "6h",
}
"""What Grafana puts in place of its variables."""


def asked(text: str) -> str:
    """Give an expression as Grafana asks it."""
    for name, value in CHOSEN.items():
        text = text.replace(name, value)
    assert "$" not in text, f"no such variable: {text}"
    return text


EXPRESSIONS = [(title, target["expr"]) for title, panel in PANELS.items() for target in panel["targets"]]
"""Every expression with its panel's title."""


def series_of(variable: str) -> tuple[str, str]:
    """Give the selector and the label of a variable's query."""
    found = re.fullmatch(r"label_values\((.*), (\w+)\)", VARIABLES[variable]["query"]["query"])
    assert found is not None
    return found[1], found[2]


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_panels_read_what_is_exported(title: str, expression: str) -> None:
    """Each expression parses, and every metric and label in it is in the registry."""
    assert unknown(asked(expression)) == []


@pytest.mark.parametrize("variable", VARIABLES)
def test_variables_read_what_is_exported(variable: str) -> None:
    """Each variable's values are those of a label that is exported."""
    selector, label = series_of(variable)
    assert unknown(f"count by ({label}) ({asked(selector)})") == []


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_legends_name_labels_that_are_left(title: str, expression: str) -> None:
    """A legend's labels are those by which its expression groups; any other would be shown as nothing."""
    for target in (one for panel in PANELS.values() for one in panel["targets"] if one["expr"] == expression):
        grouped = {label.strip() for found in re.findall(r"by \(([^)]*)\)", expression) for label in found.split(",")}
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= grouped


@pytest.mark.parametrize(("title", "names"), [("Why", Reason), ("What is seen of the load", Seen)])
def test_codes_have_their_names(title: str, names: type[Reason] | type[Seen]) -> None:
    """A panel of codes shows the name of each, also of those that came last."""
    (mapping,) = PANELS[title]["fieldConfig"]["defaults"]["mappings"]
    assert {code: shown["text"] for code, shown in mapping["options"].items()} == {
        str(int(one)): one.name for one in names
    }


def test_what_people_ask_for_is_shown() -> None:
    """Load, replicas, reason, cold starts, budgets, replica-seconds, what zero saved, sources, writes and alerts are there."""
    texts = " ".join(expression for _, expression in EXPRESSIONS)
    chapters = ("function_", "tenant_", "source_", "writes_", "alerts_", "pool_", "wakes_", "foreign_")
    shown = {name for name in METRICS if re.search(rf"\b{name}\b", texts)}
    assert all(any(name.startswith(f"autoscaler_{one}") for name in shown) for one in chapters)
    of_functions = {name for name in METRICS if name.startswith("autoscaler_function_")}
    assert of_functions <= shown


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the page of a daemon that has everything, by labels and rules as shipped."""
    folder = tmp_path_factory.mktemp("grafana")

    async def page() -> str:
        async with (
            everything(folder) as place,
            aiohttp.ClientSession() as session,
            session.get(f"http://{place}/metrics") as answer,
        ):
            return await answer.text()

    text = asyncio.run(page())
    with ServedPage(lambda: text) as served:
        targets = f'static_configs: [{{targets: ["{served.address}"], labels: {{namespace: autoscaler}}}}]'
        config = f'  - job_name: autoscaler\n    {targets}\nrule_files: ["{RULES}"]\n'
        with prometheus(folder, {}, config=config) as server:
            recorded = "namespace_job:autoscaler_tick_overruns:ratio_rate10m"
            wait_until(lambda: server.query(recorded), "two scrapes and the records of them", 120.0)
            yield server


@pytest.mark.server
def test_every_panel_has_data(scraping: Prometheus) -> None:
    """A real Prometheus that scrapes a real page answers every expression with data; alerts alone, none of which fires."""
    texts = [asked(expression) for _, expression in EXPRESSIONS]
    empty = [text for text in texts if not scraping.query(text)]
    assert empty == [text for text in texts if "ALERTS{" in text]


@pytest.mark.server
@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("tenant", {"acme", "umbrella", "wayne"}),
        ("functions_namespace", {"acme-dev", "acme-prod", "umbrella"}),
        ("function", {"checkout", "thumbnail"}),
    ],
)
def test_variables_have_the_values_of_those_before(scraping: Prometheus, variable: str, values: set[str]) -> None:
    """Tenants are all there are, namespaces those of the tenants chosen, functions those of the namespace."""
    selector, label = series_of(variable)
    assert {series["metric"][label] for series in scraping.query(asked(selector))} == values
