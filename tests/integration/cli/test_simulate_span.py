"""`autoscaler simulate` under the past of a real Prometheus."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from tests.integration.prometheus.fake import FakePrometheus, body, document, vector
from tests.servers.prometheus import Prometheus, prometheus, write_blocks

START_S = 1_772_409_600  # 2026-03-02T00:00:00Z
SCRAPE_S = 15
QUERY = "sum by (function_name) (rate(gateway_function_invocation_started[{step}]))"
SPAN = ("--start", "2026-03-02T00:00:00Z", "--end", "2026-03-02T00:10:00Z")
SCENARIO = """\
kind: Scenario
duration: 1m
functions:
  - {name: resize, namespace: acme, workload: {type: constant, rate: 1}, service: 100ms, replicas: 1}
  - {name: thumb, namespace: acme, workload: {type: constant, rate: 1}, service: 100ms, replicas: 1}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
"""


def counter(name: str, rates: list[float | None]) -> dict[str, list[tuple[float, float]]]:
    """Give a counter's samples under these rates, a minute each, from a minute before the span on; None: not scraped."""
    points, count = [], 1_000.0
    per_minute = 60 // SCRAPE_S
    for minute, rate in enumerate([1.0, *rates]):
        for scrape in range(per_minute):
            at_s = START_S - 60 + minute * 60 + scrape * SCRAPE_S
            if rate is not None:
                points.append((at_s + SCRAPE_S - 1, count := count + rate * SCRAPE_S))
    return {f'gateway_function_invocation_started{{function_name="{name}",job="gateway"}}': points}


@pytest.fixture(scope="module")
def past() -> Iterator[Prometheus]:
    """A Prometheus with ten minutes of three functions; nothing of `resize` was scraped in minutes 4 to 6."""
    resize: list[float | None] = [2.0, 2.0, 2.0, 2.0, None, None, None, 8.0, 8.0, 8.0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_blocks(
            folder,
            counter("resize.acme", resize) | counter("thumb.acme", [4.0] * 10) | counter("stranger.other", [1.0] * 10),
        )
        with prometheus(folder, {}) as server:
            yield server


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Two functions of one tenant."""
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO)
    return file


def simulate(scenario: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["simulate", str(scenario), *arguments])


def requests_of(result: Result) -> dict[str, int]:
    assert result.exit_code == 0, result.output
    return {row["function"]: row["requests"] for row in json.loads(result.stdout)["functions"]}


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert all(word in result.output for word in words), result.output


def test_flags_put_every_function_under_the_past(past: Prometheus, scenario: Path) -> None:
    """Ten minutes at 4/s are 2,400 requests; of the others what was measured arrives, and the gap is named."""
    arguments = ["--prometheus", past.url, "--query", QUERY, *SPAN, "--output", "json"]
    result = simulate(scenario, *arguments)
    found = requests_of(result)
    assert found["acme/thumb"] == pytest.approx(2_400, rel=0.1)
    assert found["acme/resize"] == pytest.approx(4 * 120 + 3 * 480, rel=0.1)
    answer = json.loads(result.stdout)
    assert answer["duration_s"] == 600
    gaps = [(gap["function"], gap["from_s"], gap["to_s"]) for gap in answer["gaps"]]
    assert gaps == [("acme/resize", 240.0, 420.0)]
    assert "other/stranger" in result.stderr


def test_one_function_may_be_under_a_span_of_its_own(past: Prometheus, scenario: Path) -> None:
    """A workload of type prometheus with a query for one function, its counts spaced evenly, scaled by a half."""
    query = 'sum(rate(gateway_function_invocation_started{function_name=\\"thumb.acme\\"}[{step}]))'
    workload = (
        f'{{type: prometheus, url: "{past.url}", query: "{query}", start: 2026-03-02T00:00:00Z, '
        "end: 2026-03-02T00:01:00Z, step: 30s, arrivals: even, scale: 0.5}"
    )
    text = SCENARIO.replace("{type: constant, rate: 1}", workload, 1)
    scenario.write_text(text)
    found = requests_of(simulate(scenario, "--output", "json"))
    assert found["acme/resize"] == pytest.approx(120, abs=2)


def test_a_long_span_is_asked_for_in_parts(past: Prometheus, scenario: Path) -> None:
    """Five hours of seconds are more steps than Prometheus answers at once, and come whole; all but ten minutes is a gap."""
    span = ("--start", "2026-03-01T21:00:00Z", "--end", "2026-03-02T02:00:00Z", "--step", "1s")
    query = QUERY.replace("{step}", "1m")
    result = simulate(scenario, "--prometheus", past.url, "--query", query, *span, "--output", "json")
    assert requests_of(result)["acme/thumb"] == pytest.approx(2_400 + 60, rel=0.1)
    gaps = [gap for gap in json.loads(result.stdout)["gaps"] if gap["function"] == "acme/thumb"]
    assert gaps[0]["from_s"] == 0
    assert gaps[0]["to_s"] == pytest.approx(10_800 - 30, abs=30)
    assert gaps[-1]["to_s"] == 5 * 3_600


def test_a_function_without_a_series_is_told(past: Prometheus, scenario: Path) -> None:
    """Where the past knows nothing of a function, the run is refused, with what a series would have to be called."""
    scenario.write_text(SCENARIO.replace("name: thumb", "name: thumbnail"))
    result = simulate(scenario, "--prometheus", past.url, "--query", QUERY, *SPAN)
    refused(result, "acme/thumbnail", "no series", "function_name=thumbnail.acme")


@pytest.mark.parametrize("query", ["sum(", "nonsense_metric", "'text'"])
def test_a_query_that_gives_nothing_is_told(past: Prometheus, scenario: Path, query: str) -> None:
    """No PromQL, an empty answer, a text: exit 2 and what was wrong, without a traceback."""
    refused(simulate(scenario, "--prometheus", past.url, "--query", query, *SPAN))


def test_a_prometheus_that_is_not_there_is_told_without_its_password(scenario: Path) -> None:
    """A refused connection is said in our words; user and password of a URL are not repeated."""
    url = "http://someone:secret@127.0.0.1:1"
    result = simulate(scenario, "--prometheus", url, "--query", QUERY, *SPAN)
    refused(result, "http://127.0.0.1:1", "cannot connect")
    assert "secret" not in result.output


def matrix(*series: tuple[dict[str, str], list[list[object]]]) -> dict[str, object]:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (vector([]), "not a matrix"),
        (matrix() | {"warnings": ["a store is away"]}, "warnings"),
        (matrix() | {"isPartial": True}, "partial"),
        (matrix(({}, [["x", "1"]])), "no series of samples"),
        (matrix(({}, [[START_S + 60]])), "no series of samples"),
        (matrix(({}, [[START_S - 600, "1"]])), "outside the span"),
        ({"status": "error", "errorType": "execution"}, "not success"),
    ],
)
def test_an_answer_that_is_not_whole_is_no_traffic(scenario: Path, answer: dict[str, object], word: str) -> None:
    """Partial answers, warnings and what is no matrix end the command: half a past would mislead."""
    with FakePrometheus(lambda handler: document(handler, answer)) as fake:
        refused(simulate(scenario, "--prometheus", fake.url, "--query", QUERY, *SPAN), word)


def test_values_that_are_no_numbers_are_gaps(scenario: Path) -> None:
    """NaN and Inf within an answer are time without data."""
    values = [[START_S + 60 * minute, text] for minute, text in enumerate(("1", "NaN", "+Inf", "1"), 1)]
    series = [({"function_name": f"{name}.acme"}, values) for name in ("resize", "thumb")]
    with FakePrometheus(lambda handler: document(handler, matrix(*series))) as fake:
        span = ("--start", "2026-03-02T00:00:00Z", "--end", "2026-03-02T00:04:00Z")
        result = simulate(scenario, "--prometheus", fake.url, "--query", QUERY, *span, "--output", "json")
    gaps = json.loads(result.stdout)["gaps"]
    assert [(gap["from_s"], gap["to_s"]) for gap in gaps] == [(60.0, 180.0)] * 2


def test_a_server_that_drips_is_cut_at_the_deadline(scenario: Path) -> None:
    """An answer that comes byte by byte ends with the deadline, not with its last byte."""

    def drip(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Type", "application/json")  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        with contextlib.suppress(OSError):
            while not fake.released.wait(0.05):
                handler.wfile.write(b" ")  # type: ignore[attr-defined]

    with FakePrometheus(drip) as fake:
        workload = (
            f'{{type: prometheus, url: "{fake.url}", query: "x", start: 2026-03-02T00:00:00Z, '
            "end: 2026-03-02T00:01:00Z, timeout: 1s}"
        )
        scenario.write_text(SCENARIO.replace("{type: constant, rate: 1}", workload, 1))
        refused(simulate(scenario), "within 1 s")


def test_credentials_come_from_files_and_are_not_repeated(scenario: Path, tmp_path: Path) -> None:
    """A bearer token and a header reach the server, and nothing that the command prints."""
    (tmp_path / "token").write_text("t0p-secret")
    with FakePrometheus(lambda handler: body(handler, b"no", 401)) as fake:
        workload = (
            f'{{type: prometheus, url: "{fake.url}", query: "x", start: 2026-03-02T00:00:00Z, end: 2026-03-02T00:01:00Z, '
            f'bearerTokenFile: "{tmp_path / "token"}", headers: {{X-Scope-OrgID: acme}}}}'
        )
        scenario.write_text(SCENARIO.replace("{type: constant, rate: 1}", workload, 1))
        result = simulate(scenario)
        sent = fake.requests[0]["headers"]
    refused(result, "HTTP 401")
    assert (sent["Authorization"], sent["X-Scope-OrgID"]) == ("Bearer t0p-secret", "acme")
    assert "t0p-secret" not in result.output
