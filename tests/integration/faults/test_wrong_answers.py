"""Answers that a healthy Prometheus would not give: nothing shrinks, and the reason says why."""

import pytest

from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from tests.integration.faults.deciding import RUNNING, decide, every_tick
from tests.integration.prometheus.fake import FakePrometheus, Reply, answer, body, document, vector
from tests.integration.prometheus.timeline import LAST

ANSWERS: dict[str, Reply] = {
    "503": lambda handler: document(handler, {"status": "error", "errorType": "unavailable", "error": "busy"}, 503),
    "an empty vector": lambda handler: document(handler, vector([])),
    "NaN": lambda handler: document(handler, vector([{**one, "value": [0, "NaN"]} for one in answer(handler)])),
    "Inf": lambda handler: document(handler, vector([{**one, "value": [0, "+Inf"]} for one in answer(handler)])),
    "a warning": lambda handler: document(handler, vector(answer(handler), warnings=["a store did not answer"])),
    "a partial answer": lambda handler: document(handler, vector(answer(handler), isPartial=True)),
    "garbage": lambda handler: body(handler, b"\x00 no JSON"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_wrong_answer_removes_nothing(name: str) -> None:
    """Ten replicas stay ten through a minute of such answers, for the reason that the load is unknown."""
    with FakePrometheus(ANSWERS[name]) as fake:
        records = await decide(fake.url, "gateway", every_tick(LAST, LAST + 4))
    assert {record.desired for record in records} == {int(RUNNING)}
    assert {record.seen for record in records} == {Seen.UNKNOWN}
    assert {record.stage_reasons[Stage.DEMAND] for record in records} == {Reason.UNKNOWN_LOAD}
