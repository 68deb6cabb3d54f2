"""Policy tests with alerts of every kind: boosts by a number, freezes, wakes."""

import pytest

from tests.unit.simulator.test_policy_tests_runner import POLICIES, run

ALERTS = """\
  alerts:
  - {match: {alertname: Calm}, freeze: true}
  - {match: {alertname: Queue}, wake: true}
  - {match: {alertname: Sale}, boost: {floor: 8}}
"""
RULES = POLICIES[: POLICIES.index("  alerts:")] + ALERTS


@pytest.mark.parametrize(
    ("name", "load", "replicas", "expected"),
    [
        ("Calm", "30x2 10x20", 3, "[{always: 3, from: 2m, to: 8m}, {at: 7m, reason: FREEZE}, {at: 9m, replicas: 1}]"),
        ("Calm", "30x2 60x2 10x20", 3, "[{at: 5m, replicas: 6}, {always: 6, from: 5m, to: 8m}, {at: 9m, replicas: 1}]"),
        ("Queue", "0", 0, "[{at: 2m, replicas: 1, reason: WAKE}, {at: 7m58s, replicas: 1}, {at: 9m, replicas: 0}]"),
        ("Sale", "30", 3, "[{at: 2m, replicas: 8, reason: BOOST}, {at: 9m, replicas: 3}]"),
    ],
    ids=["frozen", "frozen while it grows", "woken", "a floor"],
)
def test_what_an_alert_does_holds_while_it_fires(name: str, load: str, replicas: int, expected: str) -> None:
    """A freeze keeps what runs and lets it grow, a wake starts at zero, a floor is its number: until it is resolved."""
    outcome = run(
        f"input: {{acme/api: {{rps: {load}}}}}\nduration: 13m\n"
        f"events: [{{type: alert, from: 2m, to: 8m, labels: {{alertname: {name}, namespace: acme}}}}]\n"
        f"expect: {expected}\n",
        RULES,
        f"functions: [{{name: acme/api, replicas: {replicas}}}]",
    )
    assert outcome.failures == ()
