"""Tokens of Kubernetes over real sockets: what a right in one namespace shows, and what is said where it is none."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from autoscaler.adapters.decision_log import FileArchive
from autoscaler.core.events import Effect
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.daemon.reviewing import DOUBTED_S, Reviewing
from autoscaler.policy.plan import TenantPlan
from autoscaler.ports import Asked, BoostView, Caller, HeldView, ScaleOutcome, Shown, Verb, WriteFailure
from autoscaler.server.app import build, build_metrics
from autoscaler.server.run import serve
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import OPERATOR, FakeAutoscaling, HandClock
from tests.integration.http.test_past import write_log
from tests.unit.daemon.test_reviewing import MemoryReviews

PROD, DEV = FunctionKey("acme-prod", "checkout"), FunctionKey("acme-dev", "search")
JANE = "jane"


class Reviewed(FakeAutoscaling):
    """Prepared decisions, and callers whom only Kubernetes knows."""

    def __init__(self) -> None:
        super().__init__()
        self.reviews = MemoryReviews()
        acme = TenantPlan(
            "acme", frozenset({"acme-prod", "acme-dev", "acme"}), "main", frozenset(), None, dry_run=False
        )
        self.kept_by = HandClock()
        self._reviewing = Reviewing(self.kept_by, self.reviews, lambda: {"acme": acme})

    async def identify(self, shown: Shown, asked: Asked) -> Caller | None:
        known = await super().identify(shown, asked)
        if known is not None or shown.token is None:
            return known
        return await self._reviewing.caller(shown.token, asked)


@pytest.fixture
async def reviewed(tmp_path: Path) -> AsyncIterator[Listening]:
    """Serve prepared decisions and a decision log of `acme/thumbnail`; jane may get functions in acme-prod alone."""
    service, clock = Reviewed(), HandClock()
    service.reviews.rights = {(JANE, Verb.GET, "acme-prod")}
    with_log = build(service, clock, archive=FileArchive(write_log(tmp_path), str(tmp_path)))
    async with (
        serve(with_log, "127.0.0.1:0") as address,
        serve(build_metrics(service), "127.0.0.1:0") as metrics,
        aiohttp.ClientSession() as session,
    ):
        yield Listening(service, clock, address, metrics, session)


async def grant(reviewed: Listening, verb: Verb, namespace: str | None) -> None:
    """Give jane a right, and wait until refusals of before are forgotten."""
    assert isinstance(reviewed.service, Reviewed)
    await reviewed.service.kept_by.sleep(DOUBTED_S)
    reviewed.service.reviews.rights.add((JANE, verb, namespace))


async def test_a_right_in_a_namespace_lists_its_functions_alone(reviewed: Listening) -> None:
    """Functions, tenants and changes of that namespace, although their tenant has another one too."""
    functions = (await reviewed.read("/v1/functions?namespace=acme-prod", JANE))["functions"]
    assert {row["namespace"] for row in functions} == {"acme-prod"}
    tenants = (await reviewed.read("/v1/tenants?namespace=acme-prod", JANE))["tenants"]
    assert [row["tenant"] for row in tenants] == ["acme"]
    changes = (await reviewed.read("/v1/decisions?namespace=acme-prod", JANE))["decisions"]
    assert {row["namespace"] for row in changes} == {"acme-prod"}
    page = await reviewed.read("/v1/functions/acme-prod/thumbnail", JANE)
    assert {row["namespace"] for row in page["history"]} == {"acme-prod"}


async def test_a_tenants_sums_are_cut_to_the_namespace(reviewed: Listening) -> None:
    """Of a tenant with further namespaces neither their names nor what runs there is told."""
    functions = (await reviewed.read("/v1/functions?namespace=acme-prod", JANE))["functions"]
    [row] = (await reviewed.read("/v1/tenants?namespace=acme-prod", JANE))["tenants"]
    [whole] = [
        one for one in (await reviewed.read("/v1/tenants", OPERATOR))["tenants"] if one["tenant"] == row["tenant"]
    ]
    assert row["namespaces"] == ["acme-prod"]
    for name in ("requested", "ready", "desired"):
        assert row[name] == sum(function[name] for function in functions)
    assert row["functions"] == len(functions) < whole["functions"]
    assert row["replicas_cap"] == whole["replicas_cap"]


async def test_status_is_cut_to_the_namespace(reviewed: Listening) -> None:
    """Failed writes, boosts and functions left to others are those of the namespace; what is the operator's is not there."""
    refused = [WriteFailure(key, ScaleOutcome.FORBIDDEN, "no", Now(1.0, 1.0)) for key in (PROD, DEV)]
    left = [HeldView(key, "argocd", 3, 60.0) for key in (PROD, DEV)]
    boost = BoostView("slow", Effect.BOOST, (PROD, DEV), (5, 5), 60.0)
    reviewed.service.state = {
        "write_failures": refused,
        "held": left,
        "boosts": [boost],
        "cluster_problems": ["secret"],
    }
    status = await reviewed.read("/v1/status?namespace=acme-prod", JANE)
    for name in ("write_failures", "held"):
        assert [row["namespace"] for row in status[name]] == ["acme-prod"]
    assert [one["namespace"] for one in status["boosts"][0]["functions"]] == ["acme-prod"]
    assert status["write_failures_total"] == 1
    assert status["cluster_problems"] == status["problems"] == status["listed"] == []
    assert [status[name] for name in ("writes_queued", "leadership", "decision_log")] == [None, None, None]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/functions",
        "/v1/functions?namespace=acme-dev",
        "/v1/functions?namespace=",
        "/v1/functions/acme-dev/search",
        "/v1/functions/acme/thumbnail?last=10m",
        "/v1/tenants",
        "/v1/tenants?namespace=umbrella",
        "/v1/decisions",
        "/v1/status",
    ],
)
async def test_without_the_right_there_it_is_named(reviewed: Listening, path: str) -> None:
    """Everywhere else, and everywhere at once, is refused with the right that lacks."""
    error = (await reviewed.read(path, JANE, 403))["error"]
    assert "jane may not get functions.autoscaler.faas.dev" in error["what"]
    assert "namespace" in error["allowed"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/functions?namespace=",
        "/v1/functions?namespace=" + "a" * 64,
        "/v1/functions?namespace=acme-prod%00",
        "/v1/functions/acme-prod%2Fcheckout/x",
        "/v1/functions/acme-prod%20/checkout?namespace=acme-prod",
    ],
)
async def test_what_can_be_no_namespace_is_not_asked_of_kubernetes(reviewed: Listening, path: str) -> None:
    """A name that no namespace can have is worth no question: what it takes is the right everywhere."""
    error = (await reviewed.read(path, JANE, 403))["error"]
    assert error["what"].endswith("in all namespaces")


async def test_the_past_of_a_namespace_is_its_viewers(reviewed: Listening) -> None:
    """Who may get functions in a namespace reads its decision log, too."""
    await grant(reviewed, Verb.GET, "acme")
    assert (await reviewed.read("/v1/functions/acme/thumbnail?last=10m", JANE))["decisions"]


async def test_seeing_is_no_right_to_change(reviewed: Listening) -> None:
    """Wakes and taking up need `update` there."""
    for method, path in (
        ("GET", "/v1/wake/acme-prod/checkout?hold=0"),
        ("POST", "/v1/functions/acme-prod/checkout/take-up"),
    ):
        async with reviewed.ask(method, path, JANE) as answer:
            assert answer.status == 403
            assert "update functions" in (await answer.json())["error"]["what"]
    assert reviewed.service.wakes == []
    await grant(reviewed, Verb.UPDATE, "acme-prod")
    async with reviewed.ask("GET", "/v1/wake/acme-prod/checkout?hold=0", JANE) as answer:
        assert answer.status == 200


async def test_alerts_take_a_right_everywhere(reviewed: Listening) -> None:
    """One namespace's right is not enough for a body that may name any, whatever its query says."""
    await grant(reviewed, Verb.UPDATE, "acme-prod")
    payload = {"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "Slow"}}]}
    for query in ("", "?namespace=acme-prod"):
        async with reviewed.ask("POST", f"/v1/alerts{query}", JANE, json=payload) as answer:
            assert answer.status == 403
            assert set((await answer.json())["error"]) == {"what", "where", "allowed"}
    assert not reviewed.service.boosts


async def test_a_right_everywhere_is_an_operators(reviewed: Listening) -> None:
    """Who may get functions in all namespaces sees all of them, and what only operators see."""
    await grant(reviewed, Verb.GET, None)
    assert (await reviewed.read("/v1/functions", JANE))["total"] == 6
    assert (await reviewed.read("/v1/status", JANE))["problems"]


async def test_while_kubernetes_is_away_nobody_is_called_wrong(reviewed: Listening) -> None:
    """A token that cannot be looked up gets 503 and when to come again; one that a document names is served as ever."""
    assert isinstance(reviewed.service, Reviewed)
    reviewed.service.reviews.is_away = True
    async with reviewed.ask("GET", "/v1/functions?namespace=acme-prod", JANE) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert JANE not in await answer.text()
    assert (await reviewed.read("/v1/functions"))["total"] == 3


async def test_a_token_nobody_knows_is_401(reviewed: Listening) -> None:
    """Kubernetes says that it is nobody's, and so does the answer."""
    await reviewed.read("/v1/functions", "made-up", 401)


async def test_a_token_may_stand_beside_the_proxys_own(reviewed: Listening) -> None:
    """Through the API server's proxy the token has a header of its own, which goes before `Authorization`."""
    headers = {"X-Autoscaler-Authorization": f"Bearer {JANE}"}
    for token in (None, "the-proxys"):
        async with reviewed.ask("GET", "/v1/functions?namespace=acme-prod", token, headers=headers) as answer:
            assert answer.status == 200
