"""The demo's story can be told: its documents are valid, its cues in order, its figures what it says."""

import pytest

from autoscaler.policy.loading import load
from autoscaler.twin.story import CAP, ENCODE, OUTAGE_S, RENDER, REPORT, SHORTEST_S, Act, story

HASH = "ab" * 32


@pytest.mark.parametrize("duration_s", [SHORTEST_S, 60.0, 300.0])
def test_cues_are_in_order_and_inside(duration_s: float) -> None:
    """Whatever the duration, cues follow each other, Prometheus is back in time, and silent for its fixed length."""
    told = story(duration_s, 3.0, "token", HASH)
    times = [cue.at_s for cue in told.cues]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < duration_s
    (silence,) = (cue.at_s for cue in told.cues if cue.act is Act.SILENCE)
    (speech,) = (cue.at_s for cue in told.cues if cue.act is Act.SPEAK)
    assert speech - silence == OUTAGE_S


def test_it_refuses_to_be_too_short() -> None:
    """A duration in which not everything can happen is refused with the shortest that is allowed."""
    with pytest.raises(ValueError, match="45"):
        story(SHORTEST_S - 1, 3.0, "token", HASH)


def test_its_documents_have_no_problem() -> None:
    """All policy documents of the demo are valid, and there are three tenants."""
    policies = load(story(60.0, 3.0, "token", HASH).documents)
    assert policies.problems == ()
    assert len(policies.tenants) == 3


def test_umbrella_wants_more_than_its_cap() -> None:
    """The load of umbrella's functions asks for more replicas than its cap, so the cap must bind."""
    workloads = story(60.0, 3.0, "token", HASH).scenario.workloads
    rates = [max(step.rate for step in workloads[key].steps) for key in (ENCODE, RENDER, REPORT)]  # type: ignore[union-attr]
    assert sum(rates) / 10 > CAP
