"""What one tenant's load, wakes and alerts can do to another's guarantee: nothing. Real API server, real daemon."""

import itertools
import json
from collections.abc import Iterator

import pytest

from tests.cluster.isolation.crowded import (
    CALM,
    CALM_FUNCTIONS,
    FLOOD,
    FLOOD_FUNCTIONS,
    GUARANTEE,
    POOL,
    TICK_S,
    Crowded,
    Ticks,
    crowded_site,
    post,
    together,
)
from tests.cluster.isolation.hostile import Documents
from tests.cluster.isolation.site import alert
from tests.servers.controlplane import ControlPlane
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

CALLS_PER_S = 5.0
LEAST_SHARE = 0.4
"""Of the ticks that fit into a while; machines of CI are several times slower than that of a user."""


@pytest.fixture(scope="module")
def crowded(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    """Everything, running and ready."""
    with crowded_site(plane, tmp_path_factory.mktemp("crowded")) as site:
        yield site


def test_a_thousandfold_load_takes_no_guarantee(crowded: Crowded) -> None:
    """While acme's load is a thousand times what it was and its wakes and alerts flood, umbrella gets and keeps its guarantee."""
    crowded.called(CALM, CALLS_PER_S, *CALM_FUNCTIONS)
    wait_until(lambda: crowded.has(CALM, CALM_FUNCTIONS) == [1, 1], "one replica of each calm function", 90, 0.2)
    crowded.called(FLOOD, 1000 * CALLS_PER_S, *FLOOD_FUNCTIONS)
    borrows = POOL - len(CALM_FUNCTIONS)
    wait_until(lambda: sum(crowded.has(FLOOD, FLOOD_FUNCTIONS)) >= borrows, "all that is lent to be borrowed", 90, 0.2)
    numbers = itertools.count()

    def wake() -> None:
        name = FLOOD_FUNCTIONS[next(numbers) % len(FLOOD_FUNCTIONS)]
        post(crowded, f"/v1/wake/{FLOOD}/{name}?hold=1s", "acme", b"")

    def boost() -> None:
        labels = [{"namespace": FLOOD, "function": name, "number": str(next(numbers))} for name in FLOOD_FUNCTIONS * 50]
        alerts = [alert(one) for one in labels]
        post(crowded, "/v1/alerts", "acme", json.dumps({"version": "4", "alerts": alerts}).encode())

    with together(*[wake] * 8, *[boost] * 2):
        with Ticks(crowded) as while_it_rises:
            crowded.called(CALM, 35.0, *CALM_FUNCTIONS)
            crowded.wait_calm(GUARANTEE // len(CALM_FUNCTIONS))
        with Ticks(crowded) as while_it_lasts:
            wait_until(lambda: sum(crowded.has(FLOOD, FLOOD_FUNCTIONS)) <= POOL - GUARANTEE, "the reclaim", 60, 0.2)
            began = crowded.ticks()
            wait_until(lambda: crowded.ticks() >= began + 20, "twenty more ticks", 120, 0.2)
    print(f"rising: {while_it_rises}; lasting: {while_it_lasts}")
    assert (while_it_rises.short, while_it_lasts.short) == ([], [])
    assert while_it_lasts.least >= GUARANTEE
    assert while_it_lasts.count * TICK_S >= LEAST_SHARE * while_it_lasts.lasted_s
    assert crowded.has(CALM, CALM_FUNCTIONS) == [GUARANTEE // len(CALM_FUNCTIONS)] * len(CALM_FUNCTIONS)


def test_documents_delay_nobodys_tick(crowded: Crowded) -> None:
    """While a thousand policies of acme are there, and some are huge, broken and changed ten times a second, ticks go on."""
    crowded.called(FLOOD, CALLS_PER_S, *FLOOD_FUNCTIONS)
    crowded.called(CALM, CALLS_PER_S, *CALM_FUNCTIONS)
    wait_until(lambda: crowded.has(CALM, CALM_FUNCTIONS) == [1, 1], "one replica of each calm function", 90, 0.2)
    documents = Documents(crowded.plane, FLOOD, crowded.policies)
    with documents.there(1_000):
        with (
            together(documents.change, documents.swell, documents.spoil),
            Ticks(crowded) as while_it_lasts,
        ):
            crowded.called(CALM, 25.0, *CALM_FUNCTIONS)
            took_s = crowded.wait_calm(3)
            began = crowded.ticks()
            wait_until(lambda: crowded.ticks() >= began + 20, "twenty more ticks", 120, 0.2)
        documents.settle(7)
        wait_until(lambda: crowded.most_of(FLOOD, "f0") == 7, "acme's last good document in force", 60, 0.2)
    print(f"{documents.written} written; {while_it_lasts}; followed in {took_s:.1f} s")
    assert while_it_lasts.count * TICK_S >= LEAST_SHARE * while_it_lasts.lasted_s
    assert while_it_lasts.short == []
