"""A real Prometheus on loopback, scraping what a test serves or holding blocks that a test made."""

import contextlib
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.binaries import require
from tests.servers.process import Server, free_port, is_listening, running

VERSION_2, VERSION_3 = "prometheus", "prometheus-3"
VERSIONS = (VERSION_2, VERSION_3)
"""Debian's Prometheus, and one of today, where the beginning of a range is not within it."""

CONFIG = """\
global: {{scrape_interval: {interval}, scrape_timeout: {interval}, evaluation_interval: {interval}}}
scrape_configs:
"""
JOB = """\
  - job_name: {job}
    static_configs: [{{targets: {targets}}}]
"""


class Prometheus:
    """A running server: where it is, and what it says."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{port}"

    def query(self, text: str, time_s: float | None = None) -> list[dict[str, Any]]:
        """Ask for an instant vector."""
        params = {"query": text} | ({} if time_s is None else {"time": f"{time_s:.3f}"})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{urllib.parse.urlencode(params)}", timeout=10) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def value(self, text: str) -> float | None:
        """Ask for one number; None where there is none."""
        result = self.query(text)
        return float(result[0]["value"][1]) if result else None

    def alertmanagers(self) -> list[str]:
        """Give the addresses of the Alertmanagers that it tells its alerts."""
        with urllib.request.urlopen(f"{self.url}/api/v1/alertmanagers", timeout=10) as answer:
            return [one["url"] for one in json.load(answer)["data"]["activeAlertmanagers"]]


@contextlib.contextmanager
def prometheus(
    folder: Path,
    jobs: Mapping[str, Iterable[str]],
    interval: str = "1s",
    config: str = "",
    program: str = VERSION_2,
) -> Iterator[Prometheus]:
    """Run a Prometheus for the length of a `with` block.

    Args:
        folder: where its configuration, log and data (`folder / "data"`) are.
        jobs: scrape targets by job.
        interval: scrape interval.
        config: further configuration, such as `rule_files` and `alerting`.
        program: which version to run, of `VERSIONS`.
    """
    text = CONFIG.format(interval=interval)
    text += "".join(JOB.format(job=job, targets=json.dumps(list(targets))) for job, targets in jobs.items())
    with configured(folder, text + config, program) as server:
        yield server


@contextlib.contextmanager
def configured(folder: Path, config: str, program: str = VERSION_2, flags: Sequence[str] = ()) -> Iterator[Prometheus]:
    """Run a Prometheus whose whole configuration is given, and further flags, as `prometheus` does."""
    port = free_port()
    (folder / "prometheus.yml").write_text(config)
    command = [
        require(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        "--log.level=warn",
        *flags,
    ]
    server = Server(command, folder / "prometheus.log")
    with running(server, lambda: is_listening(port) and _is_ready(port)):
        yield Prometheus(server, port)


def write_blocks(folder: Path, samples: Mapping[str, Iterable[tuple[float, float]]]) -> None:
    """Make blocks of past samples, to be read by a Prometheus started in the same folder.

    Args:
        folder: as for `prometheus`.
        samples: (UTC seconds, value) of each series, such as `up{job="gateway"}`; all gauges to promtool.
    """
    by_name: dict[str, list[str]] = {}
    for series, points in samples.items():
        lines = by_name.setdefault(series.partition("{")[0], [])
        lines += [f"{series} {value:g} {time_s:.3f}" for time_s, value in points]
    text = "".join(f"# TYPE {name} gauge\n" + "\n".join(lines) + "\n" for name, lines in by_name.items())
    source = folder / "samples.txt"
    source.write_text(text + "# EOF\n")
    command = [require("promtool"), "tsdb", "create-blocks-from", "openmetrics", source, folder / "data"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=120)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
