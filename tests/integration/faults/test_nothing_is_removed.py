"""What a real Prometheus says after an outage, read and decided tick by tick on a moved clock."""

import pytest

from tests.integration.faults.deciding import RUNNING, decide, every_tick
from tests.integration.prometheus.timeline import BACK, LAST, at
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server


async def test_five_minutes_without_prometheus_remove_nothing(past: Prometheus) -> None:
    """Before, through and after five minutes without a sample, under constant load, no replica goes."""
    records = await decide(past.url, "away", every_tick(LAST - 8, BACK + 10))
    assert {record.desired for record in records} == {int(RUNNING)}
    seen = [record.seen.name for record in records]
    assert {"VALUE", "UNKNOWN", "LOWER_BOUND"} == set(seen)
    assert seen[-1] == "VALUE"


async def test_low_rates_after_the_outage_are_really_answered(past: Prometheus) -> None:
    """Prometheus does answer too little after the outage: what holds the replicas is the proof of coverage."""
    text = 'sum(rate(gateway_function_invocation_started{job="away"}[1m]))'
    answers = [past.query(text, at(BACK + after).utc_s) for after in (1, 2, 3, 6)]
    rates = [float(answer[0]["value"][1]) for answer in answers if answer]
    assert min(rates) < 7.0
    assert rates[-1] == pytest.approx(10.0)


async def test_a_restarted_gateway_removes_nothing(past: Prometheus) -> None:
    """Counters that begin anew under constant load remove no replica, from the first answer on."""
    records = await decide(past.url, "restarted", every_tick(22, LAST))
    assert {record.desired for record in records} == {int(RUNNING)}
    assert records[-1].seen.name == "VALUE"


async def test_a_daemon_that_starts_after_the_outage_removes_nothing(past: Prometheus) -> None:
    """A controller without memory, whose first answer is a third of the truth, keeps what runs."""
    records = await decide(past.url, "away", every_tick(BACK + 1, BACK + 10))
    assert {record.desired for record in records} == {int(RUNNING)}
    assert records[0].seen.name == "LOWER_BOUND"
