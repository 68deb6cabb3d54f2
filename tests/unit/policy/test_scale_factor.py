"""OpenFaaS's label scale.factor: its step by alert as a level, once for each alert."""

from collections.abc import Mapping

import pytest

from autoscaler.core.events import BoostFiring, BoostResolved, Effect
from autoscaler.policy.alerts import Alert, boost_events
from autoscaler.policy.compile import Compiler
from tests.unit.policy.texts import ACME, NOW_S, deployed, loaded, policy, tenant


def factored(
    labels: Mapping[str, str], spec: str = "{}", bounds: str = "{}"
) -> tuple[list[BoostFiring | BoostResolved], dict[str, int]]:
    """Give what OpenFaaS's own alert comes to for functions f and g, of which f has labels."""
    marks = {f"com.openfaas.scale.{name}": value for name, value in labels.items()}
    plan = Compiler().compile(
        loaded(tenant("acme", "acme-prod", f"{{bounds: {bounds}}}"), policy("p", "acme-prod", spec)),
        [deployed("f", labels=marks), deployed("g")],
        NOW_S,
    )
    told = Alert(
        "f1", "t", True, {"alertname": "APIHighInvocationRate", "namespace": "acme-prod", "function_name": "f"}
    )
    return boost_events(plan, None, [told], 100.0)


@pytest.mark.parametrize(
    ("labels", "bounds", "add"),
    [
        ({"factor": "20", "max": "20"}, "{}", 4.0),
        ({"factor": "15", "max": "10"}, "{}", 2.0),
        ({"factor": "1", "max": "1"}, "{}", 1.0),
        ({"factor": "20"}, "{}", 4.0),
        ({"factor": "20"}, "{maxReplicas: 50}", 10.0),
        ({"factor": "100", "max": "90"}, "{maxReplicas: 50}", 50.0),
    ],
)
def test_openfaas_factor_is_a_boost_by_a_part_of_the_maximum(labels: dict[str, str], bounds: str, add: float) -> None:
    """As OpenFaaS reckons its step: rounded up, of 20 where there is no maximum; here once, and of what bounds allow."""
    ((event,), dropped) = factored(labels, bounds=bounds)
    assert isinstance(event, BoostFiring)
    assert (event.effect, event.factor, event.add, event.floor, dropped) == (Effect.BOOST, 1.0, add, None, {})


def test_openfaas_factor_of_zero_takes_all_alert_rules_away() -> None:
    """`0` switches alerts off, those of the policy too; without the label the policy's rules alone hold."""
    rules = "{alerts: [{match: {alertname: APIHighInvocationRate}, boost: {add: 9}}]}"
    assert factored({"factor": "0"}, rules) == ([], {"no-rule": 1})
    (event,), _ = factored({}, rules)
    assert isinstance(event, BoostFiring)
    assert event.add == 9.0
    both, _ = factored({"factor": "10", "max": "10"}, rules)
    assert sorted(one.add for one in both if isinstance(one, BoostFiring)) == [1.0, 9.0]


def test_functions_with_factors_of_their_own_have_rules_of_their_own() -> None:
    """One alert about a whole namespace gives each function its own part of its own maximum."""
    marks = {
        name: {"com.openfaas.scale.factor": "10", "com.openfaas.scale.max": most}
        for name, most in (("f", "10"), ("g", "30"))
    }
    plan = Compiler().compile(loaded(ACME), [deployed(name, labels=one) for name, one in marks.items()], NOW_S)
    told = Alert("f1", "t", True, {"alertname": "APIHighInvocationRate", "namespace": "acme-prod"})
    events, _ = boost_events(plan, None, [told], 100.0)
    assert {str(one.keys[0]): one.add for one in events if isinstance(one, BoostFiring)} == {
        "acme-prod/f": 1.0,
        "acme-prod/g": 3.0,
    }
