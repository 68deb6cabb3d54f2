"""Functions that are left to others: who it is, until when, and taking one up again."""

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import HeldView, RevertView
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, GATEWAY, OPERATOR, UMBRELLA

CHECKOUT = FunctionKey("acme-prod", "checkout")
PATH = "/v1/functions/acme-prod/checkout/take-up"


@pytest.fixture
def held(listening: Listening) -> HeldView:
    """`checkout` is left to Argo CD for nine minutes more."""
    view = HeldView(CHECKOUT, "argocd-controller", 3, 540.0)
    listening.service.left_alone[CHECKOUT] = view
    listening.service.state["held"] = [view]
    return view


@pytest.mark.parametrize("token", [ACME, OPERATOR])
async def test_its_tenant_and_an_operator_take_a_function_up(listening: Listening, held: HeldView, token: str) -> None:
    """The answer says that it is so, and the function is left to nobody from then on."""
    async with listening.ask("POST", PATH, token) as answer:
        assert answer.status == 200
        assert await answer.json() == {"namespace": "acme-prod", "function": "checkout", "taken_up": True}
    assert (await listening.read("/v1/functions/acme-prod/checkout", token))["held"] is None


@pytest.mark.parametrize(("token", "status"), [(None, 401), (GATEWAY, 403), (UMBRELLA, 404)])
async def test_nobody_else_takes_it_up(listening: Listening, held: HeldView, token: str | None, status: int) -> None:
    """Without a token, with a gateway's or another tenant's nothing changes, and the answer says what is allowed."""
    async with listening.ask("POST", PATH, token) as answer:
        assert answer.status == status
        assert set((await answer.json())["error"]) == {"what", "where", "allowed"}
    assert listening.service.left_alone == {CHECKOUT: held}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (PATH.replace("checkout", "thumbnail"), 409),
        (PATH.replace("checkout", "missing"), 404),
        (PATH.replace("checkout", "No_Name"), 400),
        (PATH + "?force=1", 400),
    ],
)
async def test_what_cannot_be_taken_up_is_refused(listening: Listening, path: str, status: int) -> None:
    """What is left to nobody, unknown or no name is refused with what is allowed."""
    async with listening.ask("POST", path, ACME) as answer:
        assert answer.status == status
        assert set((await answer.json())["error"]) == {"what", "where", "allowed"}


async def test_an_autoscalers_function_cannot_be_taken_up(listening: Listening) -> None:
    """The answer names the autoscaler: two cannot have one function."""
    listening.service.left_alone[CHECKOUT] = HeldView(CHECKOUT, "HorizontalPodAutoscaler shop", 0, None)
    async with listening.ask("POST", PATH, ACME) as answer:
        assert answer.status == 409
        assert "HorizontalPodAutoscaler shop" in (await answer.json())["error"]["what"]


async def test_before_the_first_tick_nothing_is_taken_up(listening: Listening) -> None:
    """What is not known yet is asked for again."""
    listening.service.empty()
    async with listening.ask("POST", PATH, ACME) as answer:
        assert answer.status == 503


async def test_a_function_says_to_whom_it_is_left(listening: Listening, held: HeldView) -> None:
    """Beside the decision stand who changes it, how often it was, until when, and what ends it."""
    found = (await listening.read("/v1/functions/acme-prod/checkout"))["held"]
    assert (found["by"], found["changes"], found["ends_in_s"]) == ("argocd-controller", 3, 540.0)
    assert "RespectIgnoreDifferences" in found["advice"]
    assert (await listening.read("/v1/functions/acme-prod/thumbnail"))["held"] is None


async def test_the_status_names_those_of_its_reader(listening: Listening, held: HeldView) -> None:
    """Functions left alone, and those that a manifest puts back, are told to their tenant and the operator alone."""
    listening.service.state["reverted"] = [RevertView(CHECKOUT, "kustomize-controller", 4, 30.0)]
    for token in (ACME, OPERATOR):
        status = await listening.read("/v1/status", token)
        assert [(one["namespace"], one["function"], one["by"]) for one in status["held"]] == [
            ("acme-prod", "checkout", "argocd-controller")
        ]
        assert [(one["by"], one["times"], one["last_ago_s"]) for one in status["reverted"]] == [
            ("kustomize-controller", 4, 30.0)
        ]
    status = await listening.read("/v1/status", UMBRELLA)
    assert (status["held"], status["reverted"]) == ([], [])


async def test_metrics_count_foreign_writes_and_functions_left_alone(listening: Listening) -> None:
    """Writers are counted by name; every tenant has its number of functions left alone, 0 too."""
    listening.service.state["foreign_writes"] = {"kubectl": 3, 'odd "name"': 1}
    text = await listening.scrape()
    assert 'autoscaler_foreign_writes_total{manager="kubectl"} 3' in text
    assert 'autoscaler_foreign_writes_total{manager="odd \\"name\\""} 1' in text
    assert 'autoscaler_functions_held{tenant="acme"} 0' in text
