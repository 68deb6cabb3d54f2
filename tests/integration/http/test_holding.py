"""What holds for each field of a function, and who set it, over HTTP."""

from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.compile import Compiler
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, GATEWAY, OPERATOR, UMBRELLA
from tests.unit.policy.texts import ACME as ACME_TEXT
from tests.unit.policy.texts import NOW_S, deployed, loaded, policy, tenant

PATH = "/v1/functions/acme-prod/checkout/policy"
LABELS = {"autoscaler.faas.dev/min": "3", "com.openfaas.scale.max": "100", "autoscaler.faas.dev/maximum": "4"}


@pytest.fixture
def compiled(listening: Listening) -> Listening:
    """Two tenants in one file; `checkout` has a policy, and labels of which one is wrong and one beyond bounds."""
    policies = loaded(
        ACME_TEXT + "  defaults: {windows: {stable: 90s}}\n",
        policy("p", "acme-prod", "{scaleDown: {maxRate: 4}, replicas: {min: 1}}"),
        tenant("umbrella", "umbrella", "{bounds: {maxReplicas: 7}}"),
    )
    compiler = Compiler()
    functions = [deployed("checkout", labels=LABELS), deployed("render", "umbrella")]
    listening.service.compiled(compiler.compile(policies, functions, NOW_S), compiler.ruled)
    return listening


def fields_of(answer: Any) -> dict[str, Any]:
    return {field.pop("field"): field for field in answer["fields"]}


async def test_every_field_names_who_set_it(compiled: Listening) -> None:
    """Built-in default, tenant, policy, label and bound are told apart, each with its place."""
    answer = await compiled.read(PATH)
    fields = fields_of(answer)
    assert answer["policy"] == "acme-prod/p"
    assert fields["scaleUp.maxRate"] == {
        "value": 1000.0,
        "layer": "built-in",
        "by": "built-in default",
        "asked": None,
    }
    assert fields["windows.stable"] == {
        "value": "1m30s",
        "layer": "document",
        "by": "policies.yaml:7",
        "asked": None,
    }
    assert fields["scaleDown.maxRate"]["by"] == "policies.yaml:13"
    assert (fields["replicas.min"]["layer"], fields["replicas.min"]["by"]) == ("label", "autoscaler.faas.dev/min")
    assert fields["replicas.max"] == {
        "value": 50,
        "layer": "bound",
        "by": "policies.yaml:6",
        "asked": {"value": 100, "layer": "label", "by": "com.openfaas.scale.max"},
    }


async def test_a_label_that_is_left_out_is_told(compiled: Listening) -> None:
    """A label that means nothing changes no field, and the answer says what is wrong with it."""
    problems = (await compiled.read(PATH))["problems"]
    assert len(problems) == 1
    assert "autoscaler.faas.dev/maximum" in problems[0]


async def test_nothing_of_another_tenant_is_shown(compiled: Listening) -> None:
    """What a tenant reads of its function holds no name of another tenant, though one file has both."""
    async with compiled.ask("GET", PATH, ACME) as answer:
        assert "umbrella" not in await answer.text()


async def test_an_operator_sees_it_too(compiled: Listening) -> None:
    """An operator reads the same of every tenant's functions."""
    assert await compiled.read(PATH, OPERATOR) == await compiled.read(PATH, ACME)
    assert (await compiled.read("/v1/functions/umbrella/render/policy", OPERATOR))["tenant"] == "umbrella"


async def test_absent_and_not_theirs_are_answered_alike(compiled: Listening) -> None:
    """Another tenant's function and one that is not there get the same 404, word for word."""
    foreign = await compiled.read(PATH, UMBRELLA, status=404)
    missing = await compiled.read(PATH.replace("checkout", "missing"), UMBRELLA, status=404)
    assert foreign == missing


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (PATH, None, 401),
        (PATH, GATEWAY, 403),
        (PATH.replace("checkout", "No_Name"), ACME, 400),
        (PATH + "?at=now", ACME, 400),
    ],
)
async def test_what_cannot_be_answered_says_what_is_allowed(
    compiled: Listening, path: str, token: str | None, status: int
) -> None:
    """Without a credential, with a gateway's, or asked wrongly, the answer says what, where and what is allowed."""
    answer = await compiled.read(path, token, status=status)
    assert set(answer["error"]) == {"what", "where", "allowed"}


async def test_before_the_first_plan_it_asks_for_patience(listening: Listening) -> None:
    """A daemon that has compiled nothing yet says so, and that one may ask again."""
    listening.service.empty()
    await listening.read(PATH, status=503)


async def test_what_was_handed_out_stays_as_it_is(compiled: Listening) -> None:
    """A plan's rules are the same after the compiler has made another plan: readers race with nobody."""
    compiler, key = Compiler(), FunctionKey("acme-prod", "f")
    compiler.compile(loaded(ACME_TEXT, policy("p", "acme-prod", "{replicas: {min: 1}}")), [deployed("f")], NOW_S)
    before = compiler.ruled
    compiler.compile(loaded(ACME_TEXT, policy("p", "acme-prod", "{replicas: {min: 2}}")), [deployed("f")], NOW_S)
    rules = [one.rules(key) for one in (before, compiler.ruled)]
    assert [one.fields["replicas.min"].value for one in rules if one is not None] == [1, 2]
