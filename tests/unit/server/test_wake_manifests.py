"""The waking configurations of gateways that cannot be run here: what they ask for is what the daemon answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from ruamel.yaml import YAML

from autoscaler.policy.quantities import parse_duration
from autoscaler.policy.scaling import WakeRule
from autoscaler.policy.source_settings import GatewaySettings
from autoscaler.server.app import build
from tests.integration.http.fakes import FakeAutoscaling, HandClock

ROOT = Path(__file__).parents[3]
GATEWAYS = ROOT / "manifests" / "gateways"
PAGES = ROOT / "docs" / "gateways"
NOT_RUN = ("apisix", "envoy", "istio", "nginx-ingress", "traefik")
FILES = [path for name in NOT_RUN for path in sorted((GATEWAYS / name).glob("*.yaml"))]
CALL = "/acme-prod/resize/pictures/1?width=640"
"""What a gateway is asked for that puts the call's own path behind its prefix."""


def documents(path: Path) -> list[Any]:
    """Give the documents of a file; a key that stands twice is an error."""
    return list(YAML(typ="safe").load_all(path))


def values(document: Any, key: str) -> Iterator[Any]:
    """Give what stands under a key, however deep."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from values(value, key)


def found(name: str, key: str) -> list[Any]:
    """Give what all files of a gateway have under a key."""
    paths = [path for path in FILES if path.parent.name == name]
    return [value for path in paths for one in documents(path) for value in values(one, key)]


def texts(document: Any) -> Iterator[str]:
    """Give every text of a document."""
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            yield from texts(value)
    elif isinstance(document, str):
        yield document


async def named(path: str, method: str) -> dict[str, str]:
    """Give the names that the daemon's wake route takes from a path."""
    app = build(FakeAutoscaling(), HandClock())
    match = await app.router.resolve(make_mocked_request(method, path))
    assert isinstance(match, web.UrlMappingMatchInfo), f"{method} {path} leads nowhere"
    assert match.route.resource is not None
    assert match.route.resource.canonical.startswith("/v1/wake/")
    return {name: value for name, value in match.items() if name in ("namespace", "function")}


def asked(name: str) -> list[str]:
    """Give the paths that a gateway's configuration asks for."""
    prefixes = [prefix + CALL for key in ("path_prefix", "pathPrefix") for prefix in found(name, key)]
    whole = [text for path in FILES if path.parent.name == name for one in documents(path) for text in texts(one)]
    addresses = [re.search(r"http://[^/ ]+(/v1/wake/\S+)", text) for text in whole]
    return prefixes + [address[1] for address in addresses if address is not None]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("name", NOT_RUN)
async def test_what_is_asked_for_is_a_wake_of_the_function(name: str, method: str) -> None:
    """The path that reaches the daemon names the function; by the call's own method where the path is the call's too."""
    (path,) = asked(name)
    is_the_calls = path.endswith(CALL)
    assert await named(path, method if is_the_calls else "GET") == {"namespace": "acme-prod", "function": "resize"}


@pytest.mark.parametrize(
    ("name", "key", "unit_s"),
    [("envoy", "timeout", None), ("istio", "timeout", None), ("apisix", "timeout", 0.001)],
)
def test_they_wait_longer_than_a_hold(name: str, key: str, unit_s: float | None) -> None:
    """The time-out of the question is longer than the default hold; the gateways' own are 0.2 s and 3 s."""
    (timeout,) = [one for one in found(name, key) if one not in ("60s",)]  # that one is the call's
    seconds = parse_duration(timeout) if unit_s is None else timeout * unit_s
    assert seconds > WakeRule().hold


@pytest.mark.parametrize("name", NOT_RUN)
def test_functions_are_reached_by_their_services(name: str) -> None:
    """Ready is told of the Service's address: no form sends calls to endpoints that its gateway has to hear of first."""
    by_address = {
        "apisix": found("apisix", "resolveGranularity") == ["service"],
        "envoy": set(found("envoy", "type")) == {"STRICT_DNS"} and not found("envoy", "eds_cluster_config"),
        "istio": found("istio", "resolution") == ["DNS"] and found("istio", "host") == found("istio", "hosts")[0],
        "nginx-ingress": found("nginx-ingress", "nginx.ingress.kubernetes.io/service-upstream") == ["true"],
        "traefik": found("traefik", "nativeLB") == [True],
    }
    assert by_address[name]


def test_nothing_is_made_again_that_was_sent() -> None:
    """Only a refused connection is tried again, or nothing is."""
    assert found("envoy", "retry_on") == found("istio", "retryOn") == ["connect-failure"]
    assert found("nginx-ingress", "nginx.ingress.kubernetes.io/proxy-next-upstream") == ["off"]
    assert [set(retry) for retry in found("traefik", "retry")] == [{"attempts", "initialInterval"}]


def test_callers_own_credentials_stay_with_the_gateway() -> None:
    """What a caller shows is for its function: none of it may take the place of the gateway's own credential."""
    assert found("traefik", "authRequestHeaders") == [["Accept"]]
    assert found("apisix", "request_headers") == [["Accept"]]
    assert [one["key"] for one in found("envoy", "headers_to_add")[0]] == ["authorization"]
    assert [list(one) for one in found("istio", "includeAdditionalHeadersInCheck")] == [["authorization"]]
    assert [set(one["data"]) for one in documents(GATEWAYS / "nginx-ingress" / "wake.yaml") if "data" in one] == [
        {"Authorization"}
    ]


def test_the_settings_that_they_need_are_settings() -> None:
    """Statuses and names that files and pages ask for are taken."""
    mentioned = {
        (path.name, text)
        for path in [*FILES, *(PAGES / f"{name}.md" for name in NOT_RUN)]
        for text in re.findall(r"\{(?:notReadyStatus|waitingPage): \w+\}|names: \"[^\"]+\"", path.read_text())
    }
    assert len(mentioned) >= 6
    for _, text in mentioned:
        setting = YAML(typ="safe").load(f"wake: {text}" if text.startswith("{") else text)
        assert GatewaySettings.model_validate({"profile": "istio", **setting})


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_file_is_shown_on_its_page(path: Path) -> None:
    """The page links the file, says that it was not run, and that it is on the path."""
    page = (PAGES / f"{path.parent.name}.md").read_text()
    waking = page.partition("## Waking\n")[2].partition("\n## ")[0]
    assert f"(../../manifests/gateways/{path.parent.name}/{path.name})" in waking
    assert "Not run" in waking
    assert "**on the path**" in waking
    assert "Not run" in path.read_text() or path.name == "wake-filter.yaml"
