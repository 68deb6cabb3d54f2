"""Files of `manifests/gateways` as a test runs them: word for word but for addresses, paths and functions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

GATEWAYS = Path(__file__).resolve().parents[2] / "manifests" / "gateways"


def published(name: str, replaced: Mapping[str, str]) -> str:
    """Give a file, such as `nginx/functions.conf`, with these texts replaced; one that is not in it is an error."""
    text = (GATEWAYS / name).read_text()
    for old, new in replaced.items():
        if old not in text:
            raise ValueError(f"{name} has no {old!r} any more")
        text = text.replace(old, new)
    return text


def scrape_job(gateway: str, targets: list[str], interval: str) -> dict[str, Any]:
    """Give the published scrape job of a gateway, with these targets instead of those that DNS would tell."""
    return _job(f"{gateway}/prometheus.yaml", targets, interval)


def heartbeat_job(gateway: str, targets: list[str], interval: str) -> dict[str, Any]:
    """Give the published job that has a gateway write a line to its log, likewise."""
    return _job(f"{gateway}/heartbeat.yaml", targets, interval)


def _job(name: str, targets: list[str], interval: str) -> dict[str, Any]:
    (job,) = YAML(typ="safe").load(published(name, {}))["scrape_configs"]
    del job["dns_sd_configs"]
    return {**job, "static_configs": [{"targets": targets}], "scrape_interval": interval, "scrape_timeout": interval}
