"""The metrics listener and the probes over real sockets."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.server.app import build_metrics
from autoscaler.server.registry import METRICS, Kind
from autoscaler.server.run import serve
from tests.integration.http.conftest import Listening
from tests.integration.http.everything import everything
from tests.integration.http.fakes import FakeAutoscaling
from tests.integration.http.fleets import many
from tests.servers.binaries import require
from tests.servers.process import wait_until
from tests.servers.prometheus import VERSIONS, prometheus


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Give all samples by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.server
async def test_metrics_pass_promtool(tmp_path: Path) -> None:
    """Names, types, units and help texts of all metrics are as Prometheus' own check wants them."""
    promtool = require("promtool")
    async with everything(tmp_path) as place:
        text = await page(place)
    check = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False
    )
    assert (check.returncode, check.stdout + check.stderr) == (0, b"")


async def page(place: str, query: str = "", encoding: str = "identity") -> str:
    """Scrape a metrics listener."""
    headers = {"Accept-Encoding": encoding}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{place}/metrics{query}", headers=headers) as got,
    ):
        assert got.status == 200
        return await got.text()


async def test_a_scrape_exports_exactly_what_is_registered(tmp_path: Path) -> None:
    """A daemon that has everything exports each registered metric, with its kind, meaning and labels, and no other."""
    async with everything(tmp_path) as place:
        found = {family.name: family for family in text_string_to_metric_families(await page(place))}
    histograms = {name for name, metric in METRICS.items() if metric.kind is Kind.HISTOGRAM}
    parts = {f"{name}{part}" for name in histograms for part in ("_bucket", "_sum", "_count")}
    exported = {sample.name for family in found.values() for sample in family.samples}
    assert exported == METRICS.keys() - histograms | parts
    for metric in METRICS.values():
        family = found[metric.name.removesuffix("_total") if metric.kind is Kind.COUNTER else metric.name]
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        assert {frozenset(sample.labels) - {"le"} for sample in family.samples} == {frozenset(metric.labels)}


async def test_what_always_has_a_sample_has_one_before_the_first_tick(listening: Listening) -> None:
    """A metric whose samples need nothing is there from the daemon's start."""
    listening.service.empty()
    found = {name for name, _ in samples(await listening.scrape())}
    always = {name for name, metric in METRICS.items() if metric.when is None}
    assert always - found == {"autoscaler_writes_queued", "autoscaler_write_wait_seconds"}  # the fake has no queues
    assert "autoscaler_function_desired_replicas" not in always


async def test_what_is_used_is_counted(tmp_path: Path) -> None:
    """Replica-seconds, those that zero saved and cold starts are counters of tenants, cold starts of functions too."""
    async with everything(tmp_path) as place:
        found = samples(await page(place))
    of_tenant, of_function = (
        (("tenant", "acme"),),
        (("function", "search"), ("namespace", "acme-dev"), ("tenant", "acme")),
    )
    assert found["autoscaler_tenant_replica_seconds_total", of_tenant] == 100.125
    assert found["autoscaler_tenant_saved_replica_seconds_total", of_tenant] == 50
    assert found["autoscaler_tenant_cold_starts_total", of_tenant] == 100
    assert found["autoscaler_function_cold_starts_total", of_function] == 3


async def test_wakes_are_measured_by_tenant(tmp_path: Path) -> None:
    """Buckets hold all that are below their bound, `+Inf` all; a tenant has a part where one of its wakes had it."""
    async with everything(tmp_path) as place:
        found = samples(await page(place))
    acme = ("tenant", "acme")

    def below(part: str, bound: str) -> float:
        return found[f"autoscaler_wake_{part}_seconds_bucket", (("le", bound), acme)]

    assert [below("request_to_patch", bound) for bound in ("0.0025", "0.005", "5", "+Inf")] == [0, 1, 1, 1]
    assert [below("patch_to_ready", bound) for bound in ("1", "2", "+Inf")] == [0, 1, 1]
    assert [below("ready_to_released", bound) for bound in ("0.0025", "+Inf")] == [2, 2]
    assert found["autoscaler_wake_patch_to_ready_seconds_sum", (acme,)] == pytest.approx(1.246)
    assert found["autoscaler_wake_patch_to_ready_seconds_count", (acme,)] == 1
    ended = {
        (dict(labels)["tenant"], dict(labels)["state"]): value
        for (name, labels), value in found.items()
        if name == "autoscaler_wake_requests_total" and value
    }
    assert ended == {("acme", "ready"): 2, ("acme", "cancelled"): 1, ("umbrella", "refused"): 1}
    assert ("autoscaler_wake_patch_to_ready_seconds_count", (("tenant", "umbrella"),)) not in found


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("deflate, GZIP;q=0.8", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.0", None),
        ("br, identity", None),
        ("gzip2", None),
    ],
)
async def test_a_scraper_that_takes_gzip_gets_it(listening: Listening, accepted: str, encoding: str | None) -> None:
    """The same page, a twentieth of its bytes, where Accept-Encoding names gzip and does not forbid it."""
    url = f"http://{listening.metrics.host}:{listening.metrics.port}/metrics"
    async with listening.session.get(url, headers={"Accept-Encoding": accepted}) as answer:
        assert answer.headers.get("Content-Encoding") == encoding
        assert (await answer.text()).count("\nautoscaler_function_desired_replicas{") == 6


@pytest.mark.server
@pytest.mark.parametrize("program", VERSIONS)
async def test_a_real_prometheus_takes_the_page(tmp_path: Path, program: str) -> None:
    """Prometheus of both versions takes every sample, and keeps a function's namespace beside its own."""

    def scraped(place: str) -> dict[str, Any]:
        config = f'  - {{job_name: a, static_configs: [{{targets: ["{place}"], labels: {{namespace: autoscaler}}}}]}}\n'
        with prometheus(tmp_path, {}, config=config, program=program) as server:
            query = 'autoscaler_function_requests_per_second{function="render"}'
            wait_until(lambda: server.query(query), "a scrape", 60.0)
            return {"samples": server.value("max(scrape_samples_scraped)"), "series": server.query(query)}

    async with everything(tmp_path) as place:
        found = await asyncio.to_thread(scraped, place)
        whole = samples(await page(place))
    assert found["samples"] == len(whole)
    (series,) = found["series"]
    assert series["metric"]["namespace"] == "autoscaler"
    assert series["metric"]["exported_namespace"] == "umbrella"
    assert float(series["value"][1]) == 910.0


async def test_functions_have_load_replicas_and_reason(listening: Listening) -> None:
    """Each function has its replicas, its load and the code that bound it."""
    found = samples(await listening.scrape())
    labels = (("function", "render"), ("namespace", "umbrella"), ("tenant", "umbrella"))
    expected = {
        "desired_replicas": 8,
        "requested_replicas": 8,
        "ready_replicas": 8,
        "requests_per_second": 910,
        "reason_code": 50,
        "load_state": 2,
    }
    assert {name: found[f"autoscaler_function_{name}", labels] for name in expected} == expected


async def test_an_unknown_load_has_no_sample(listening: Listening) -> None:
    """What is not known is absent: a 0 would be averaged as one."""
    found = samples(await listening.scrape())
    labels = (("function", "search"), ("namespace", "acme-dev"), ("tenant", "acme"))
    assert ("autoscaler_function_requests_per_second", labels) not in found
    assert found["autoscaler_function_load_state", labels] == 0


async def test_tenants_have_use_and_cap(listening: Listening) -> None:
    """Each tenant has its sums; one without a cap has no cap sample."""
    found = samples(await listening.scrape())
    assert found["autoscaler_tenant_requested_replicas", (("tenant", "umbrella"),)] == 8
    assert found["autoscaler_tenant_replicas_cap", (("tenant", "umbrella"),)] == 9
    assert ("autoscaler_tenant_replicas_cap", (("tenant", "wayne"),)) not in found


async def test_the_daemons_own_counts_are_there(listening: Listening) -> None:
    """Ticks, overruns, sources, writes, problems and answers are counted."""
    await listening.read("/v1/functions")
    await listening.read("/v1/functions/nowhere/no-such", status=404)
    found = samples(await listening.scrape())
    assert found["autoscaler_ticks_total", ()] == 12
    assert found["autoscaler_tick_overruns_total", ()] == 1
    assert found["autoscaler_source_up", (("source", "second"),)] == 0
    assert found["autoscaler_source_failures_total", (("source", "second"),)] == 3
    assert found["autoscaler_writes_total", (("outcome", "done"),)] == 31
    assert found["autoscaler_policy_problems", ()] == 1
    route = ("route", "/v1/functions/{namespace}/{function}")
    assert found["autoscaler_http_requests_total", (("code", "404"), route)] == 1


async def test_what_stands_against_writing_is_measured(listening: Listening) -> None:
    """Held writes, failed steps, failing watches and the controller's own counts are series of their own."""
    held, core = "autoscaler_writes_held", "autoscaler_core"
    assert samples(await listening.scrape())[held, ()] == 0
    listening.service.state = {
        "writes_held": "the Deployments are not all listed yet",
        "step_failures": 3,
        "cluster_problems": ["a", "b"],
        "refused_events": 5,
        "state_bytes": 4_096,
    }
    found = samples(await listening.scrape())
    names = (held, "autoscaler_step_failures_total", "autoscaler_cluster_problems")
    assert [found[name, ()] for name in names] == [1, 3, 2]
    assert [found[f"{core}_{name}", ()] for name in ("refused_events_total", "state_bytes")] == [5, 4_096]


async def test_what_waits_to_be_written_is_measured_by_class(listening: Listening) -> None:
    """How many writes wait, and for how long the first of them has, is a series per class."""
    listening.service.state = {
        "writes_queued": {"wake": 0, "raise": 3, "cut": 19_876},
        "writes_waited_s": {"wake": 0.0, "raise": 1.5, "cut": 40.0},
    }
    found = samples(await listening.scrape())
    classes = [(("class", name),) for name in ("wake", "raise", "cut")]
    assert [found["autoscaler_writes_queued", labels] for labels in classes] == [0, 3, 19_876]
    assert [found["autoscaler_write_wait_seconds", labels] for labels in classes] == [0, 1.5, 40]


async def test_functions_are_selected_by_tenant(listening: Listening) -> None:
    """`tenant` cuts the function series, several times for several; sums of tenants stay whole."""
    found = samples(await listening.scrape("?tenant=acme&tenant=wayne"))
    shown = {dict(labels)["tenant"] for name, labels in found if name == "autoscaler_function_desired_replicas"}
    assert shown == {"acme", "wayne"}
    assert ("autoscaler_tenant_functions", (("tenant", "umbrella"),)) in found


async def test_every_family_of_functions_is_selected_alike(tmp_path: Path) -> None:
    """With `tenant` no family of functions has another tenant's, and none of this one's is missing."""

    def of_functions(text: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {one for one in samples(text) if one[0].startswith("autoscaler_function_")}

    async with everything(tmp_path) as place:
        whole, selected = of_functions(await page(place)), of_functions(await page(place, "?tenant=umbrella"))
        assert not of_functions(await page(place, "?tenant="))
    assert selected == {one for one in whole if dict(one[1])["tenant"] == "umbrella"}


async def test_a_tenant_that_is_not_there_has_no_series(listening: Listening) -> None:
    """A scrape outlives its tenant: no series, no error."""
    assert "autoscaler_function_" not in await listening.scrape("?tenant=nobody")


async def test_before_the_first_tick_the_daemons_counts_are_there(listening: Listening) -> None:
    """Without a tick only the daemon's own series are shown, and it is not ready."""
    listening.service.empty()
    found = samples(await listening.scrape())
    assert found["autoscaler_ready", ()] == 0
    assert not [name for name, _ in found if name.startswith(("autoscaler_function", "autoscaler_tenant"))]


async def test_other_parameters_are_refused(listening: Listening) -> None:
    """A typo in a scrape configuration is told, not ignored."""
    url = f"http://{listening.metrics.host}:{listening.metrics.port}/metrics?tenants=acme"
    async with listening.session.get(url) as answer:
        assert answer.status == 400


async def test_probes_are_answered_while_metrics_are_streamed() -> None:
    """Amid a scrape of 20,000 functions others get their turn: a probe is answered before the scrape ends."""
    service = FakeAutoscaling(many(20_000))
    async with (
        serve(build_metrics(service), "127.0.0.1:0") as at,
        aiohttp.ClientSession() as session,
        session.get(f"http://{at.host}:{at.port}/metrics") as scrape,
    ):
        first = await scrape.content.readany()
        async with session.get(f"http://{at.host}:{at.port}/healthz") as probe:
            assert probe.status == 200
        assert not scrape.content.at_eof()
        text = (first + await scrape.read()).decode()
    assert sum(line.startswith("autoscaler_function_ready_replicas{") for line in text.splitlines()) == 20_000


@pytest.mark.parametrize("listener", ["main", "metrics"])
async def test_probes_are_open_on_both_listeners(listening: Listening, listener: str) -> None:
    """Probes need no token; readiness waits for the first tick, liveness does not."""
    address = getattr(listening, listener)

    async def status(path: str) -> int:
        async with listening.session.get(f"http://{address.host}:{address.port}{path}") as answer:
            return answer.status

    assert [await status("/healthz"), await status("/readyz")] == [200, 200]
    listening.service.empty()
    assert [await status("/healthz"), await status("/readyz")] == [200, 503]


async def test_metrics_are_not_on_the_main_listener(listening: Listening) -> None:
    """Names of all tenants stand in the metrics, so the listener that strangers reach has none."""
    await listening.read("/metrics", status=404)


async def test_readyz_verbose_names_what_fails_inside_only(listening: Listening) -> None:
    """Both listeners tell in lines how far each part is; only the metrics listener names sources and their errors."""
    texts = []
    for place in (listening.main, listening.metrics):
        async with listening.session.get(f"http://{place.host}:{place.port}/readyz?verbose") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/plain"
            texts.append(await answer.text())
    outside, inside = texts
    assert "[-]sources 1 of 2 answer\n" in outside
    assert "[-]sources 1 of 2 answer; second: HTTP 503\n" in inside
    assert outside.endswith("readyz check passed\n")
    listening.service.empty()
    async with listening.session.get(f"http://{listening.main.host}:{listening.main.port}/readyz?verbose") as answer:
        assert answer.status == 503
        assert (await answer.text()).endswith("readyz check failed\n")
