"""Writes of custom resources' statuses, as the metrics count them."""

from autoscaler.ports import StatusOutcome
from tests.integration.http.conftest import Listening


async def test_writes_of_statuses_are_counted_by_outcome(listening: Listening) -> None:
    """What became of them is a label, so that a right that lacks is seen."""
    listening.service.state["status_writes"] = {StatusOutcome.DONE: 7, StatusOutcome.FORBIDDEN: 3}
    text = await listening.scrape()
    assert 'autoscaler_status_writes_total{outcome="done"} 7' in text
    assert 'autoscaler_status_writes_total{outcome="forbidden"} 3' in text
