"""The demo's story can be told: its documents are valid, its cues in order, its figures what it says."""

import pytest

from autoscaler.policy.loading import Given, load
from autoscaler.policy.settings import Settings
from autoscaler.twin import budget_fight
from autoscaler.twin.scenarios import SCENARIOS
from autoscaler.twin.story import SHORTEST_S, Act
from autoscaler.twin.tour import CAP, ENCODE, OUTAGE_S, RENDER, REPORT, story

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


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_it_refuses_to_be_too_short(name: str) -> None:
    """A duration in which not everything can happen is refused with the shortest that is allowed."""
    with pytest.raises(ValueError, match="45"):
        SCENARIOS[name].story(SHORTEST_S - 1, 3.0, "token", HASH)


@pytest.mark.parametrize(("name", "tenants"), [("tour", 3), ("budgets", 4)])
def test_its_documents_have_no_problem(name: str, tenants: int) -> None:
    """All policy documents of every story are valid with its settings, and as many tenants are in it."""
    told = SCENARIOS[name].story(60.0, 3.0, "token", HASH)
    settings = Settings.model_validate({"pools": told.pools} if told.pools else {})
    policies = load(told.documents, None, Given(pools=settings.pools))
    assert policies.problems == ()
    assert len(policies.tenants) == tenants


def test_the_budget_fight_is_one() -> None:
    """Its guarantees fit the pool, and what its tenants want at once does not."""
    told = budget_fight.story(60.0, 3.0, "token", HASH)
    tenants = load(told.documents).tenants.values()
    assert sum(one.document.spec.budget.replicas.guarantee for one in tenants) < budget_fight.POOL
    rates = [max(step.rate for step in one.steps) for one in told.scenario.workloads.values()]  # type: ignore[union-attr]
    assert sum(rates) / 10 > budget_fight.POOL


def test_umbrella_wants_more_than_its_cap() -> None:
    """The load of umbrella's functions asks for more replicas than its cap, so the cap must bind."""
    workloads = story(60.0, 3.0, "token", HASH).scenario.workloads
    rates = [max(step.rate for step in workloads[key].steps) for key in (ENCODE, RENDER, REPORT)]  # type: ignore[union-attr]
    assert sum(rates) / 10 > CAP
