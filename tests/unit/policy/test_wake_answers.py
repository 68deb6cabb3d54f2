"""How a gateway wants its wakes answered: what its settings may say, and what `check` says of what makes no sense."""

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.policy.check import settings_problems
from autoscaler.policy.problems import problems_of
from autoscaler.policy.settings import Settings
from autoscaler.policy.wake_answers import WakeAnswers

ONE, TWO = {"tokenSHA256": "1" * 64}, {"tokenSHA256": "2" * 64}


def settings(*gateways: dict[str, Any], **more: object) -> Settings:
    """Give settings with these gateways, each on a source of its own."""
    listed = [{"profile": "openfaas", "match": {"job": "gateway"}, **gateway} for gateway in gateways]
    sources = {f"s{number}": {"url": "http://p", "gateways": [gateway]} for number, gateway in enumerate(listed)}
    return Settings.model_validate({"sources": sources, **more})


def problems(*gateways: dict[str, Any]) -> list[str]:
    return [problem.path for problem in settings_problems(settings(*gateways))]


def test_nothing_said_is_the_usual() -> None:
    """503, no location, no page."""
    gateway = settings({}).sources["s0"].gateways[0]
    assert gateway.wake == WakeAnswers(notReadyStatus=503, accelRedirect=[], waitingPage=False)


@pytest.mark.parametrize("status", [400, 429, 503, 599])
def test_a_refusals_status_may_be_any(status: int) -> None:
    """400 to 599."""
    assert WakeAnswers.model_validate({"notReadyStatus": status}).not_ready_status == status


@pytest.mark.parametrize("status", [200, 302, 399, 600, 0, -503, 401, 404, "503", 503.5, None])
def test_a_status_that_says_something_else_is_none(status: object) -> None:
    """A success, a redirect, and what the route says of credentials and of what is not there, are refused."""
    with pytest.raises(ValidationError):
        WakeAnswers.model_validate({"notReadyStatus": status})


@pytest.mark.parametrize("name", ["@call", "@Call_2.a-b", "@" + "a" * 128])
def test_named_locations_of_nginx_are_names(name: str) -> None:
    """An @ and a name."""
    assert WakeAnswers.model_validate({"accelRedirect": [name]}).accel_redirect == [name]


@pytest.mark.parametrize(
    "name", ["call", "/call", "@", "@@call", "@a b", "@a\r\nX: 1", "@a/b", "@a?b", "@ä", "@" + "a" * 129, "", 1, "@a\n"]
)
def test_what_is_no_named_location_is_refused(name: object) -> None:
    """A path would make a GET of the request, and a line break a header of its own."""
    with pytest.raises(ValidationError):
        WakeAnswers.model_validate({"accelRedirect": [name]})


def test_who_leaves_the_at_sign_out_is_told_of_it() -> None:
    """What is allowed in the place of `call` is a name with its @, not any name."""
    with pytest.raises(ValidationError) as refused:
        settings({"profile": "nginx", "wake": {"accelRedirect": ["call"]}})
    (problem,) = problems_of(refused.value, Settings, "settings.yaml", {})
    assert problem.path == "sources.s0.gateways[0].wake.accelRedirect[0]"
    assert "@NAME" in problem.allowed


@pytest.mark.parametrize("profile", ["caddy", "haproxy", "traefik", "envoy", "istio"])
def test_only_nginx_follows_a_named_location(profile: str) -> None:
    """A location on a gateway that does not know the header is told by `check`, with its place."""
    wrong = {"profile": profile, "wake": {"accelRedirect": ["@call"]}}
    assert problems(wrong) == ["sources.s0.gateways[0].wake.accelRedirect"]
    assert problems(wrong | {"profile": "nginx"}) == []


def test_a_page_that_auth_request_drops_is_told() -> None:
    """ingress-nginx asks by auth_request, which passes no body of a refusal on; others show the page."""
    page = {"wake": {"waitingPage": True}}
    assert problems({"profile": "nginx-ingress", **page}) == ["sources.s0.gateways[0].wake.waitingPage"]
    for profile in ("caddy", "traefik", "nginx"):
        assert problems({"profile": profile, **page}) == []


def test_one_credential_is_answered_in_one_way() -> None:
    """A caller of two gateways whose answers differ is told of at the second; the same answers are well."""
    first = {"callers": [ONE]}
    second = {"callers": [TWO, ONE], "wake": {"notReadyStatus": 429}}
    assert problems(first, second) == ["sources.s1.gateways[0].callers[1]"]
    assert problems(first | {"wake": {"notReadyStatus": 429}}, second) == []
    assert problems(first, {"callers": [TWO], "wake": {"waitingPage": True}}) == []
