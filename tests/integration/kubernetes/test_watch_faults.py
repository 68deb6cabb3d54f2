"""Whatever a watch does, the cache ends with what is so, and never loses what it had by a fault."""

from dataclasses import replace

import pytest
import structlog.testing

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from tests.contract.cluster import find, fleet_of, requested, running, wait_for
from tests.integration.kubernetes.conftest import TIMES
from tests.integration.kubernetes.fakeapi import (
    CUT,
    HANG,
    Answer,
    FakeApi,
    bookmark,
    deployment,
    event,
    page,
    refusal,
)

F = FunctionKey("ns", "f")
G = FunctionKey("ns", "g")


def modified(version: int, replicas: int, name: str = "f") -> dict[str, object]:
    return event("MODIFIED", deployment(name, version, replicas=replicas))


@pytest.mark.parametrize(
    "gone",
    [Answer(410, refusal(410)), [event("ERROR", refusal(410, "too old resource version"))]],
    ids=["status", "event"],
)
async def test_a_forgotten_version_is_listed_anew(api: FakeApi, settings: KubernetesSettings, gone: Answer) -> None:
    """After a 410, as a status or as an event, everything is listed again and what is gone leaves the cache."""
    api.pages.extend([page([deployment("f", 5, replicas=2), deployment("g", 4)], 5), page([deployment("f", 9)], 9)])
    api.pages.popleft()
    api.watches.append(gone)
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: len(api.watched) == 2, "a second watch")
        assert requested(cluster, F) == 1
        assert find(cluster, G) is None
    assert [asked.query["resourceVersion"] for asked in api.watched] == ["5", "9"]


async def test_after_an_outage_a_forgotten_version_is_listed_at_once(
    api: FakeApi, settings: KubernetesSettings
) -> None:
    """The first 410 after an outage does not wait for as long as its last failed connection did; a further one does."""
    away, forgotten = Answer(503, refusal(503)), Answer(410, refusal(410))
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.extend([[modified(7, 3), CUT], *[away] * 4, forgotten, forgotten, [HANG]])
    with structlog.testing.capture_logs() as logs:
        async with running(settings, times=TIMES) as cluster:
            await wait_for(lambda: len(api.watched) == 8, "the watch after the second list", 60.0)
            assert find(cluster, F) is not None
    waits_s = [
        line["retry_s"] for line in logs if line["event"] == "watch interrupted" and line["kind"] == "deployments"
    ]
    assert max(waits_s[:5]) >= 0.8
    assert waits_s[5] <= 0.2
    assert waits_s[6] > 0.1


async def test_an_error_event_resumes_where_it_was(api: FakeApi, settings: KubernetesSettings) -> None:
    """An error event other than 410 costs a new watch from the last version, not a new list."""
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.append([modified(7, 3), event("ERROR", refusal(500, "etcd is slow"))])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: len(api.watched) == 2, "a second watch")
        assert requested(cluster, F) == 3
    assert api.watched[1].query["resourceVersion"] == "7"
    assert len(api.lists) == 1


async def test_repeated_and_stale_events_change_nothing(api: FakeApi, settings: KubernetesSettings) -> None:
    """An event told twice, or older than what is known, is not told on and moves no count back."""
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.append([modified(7, 3), modified(7, 3), modified(6, 9), modified(8, 4), HANG])
    heard: list[int] = []
    async with running(settings, times=TIMES, is_synced=False) as cluster:
        cluster.subscribe(lambda key, count, ready: heard.append(count))
        await wait_for(lambda: 4 in heard, "the last event")
        assert heard == [1, 3, 4]


async def test_a_stale_deletion_spares_the_recreated(api: FakeApi, settings: KubernetesSettings) -> None:
    """A deletion that is older than the Deployment in the cache, which was made anew, does not remove it."""
    api.pages[0] = page([deployment("f", 5, uid="old")], 5)
    made_anew = event("ADDED", deployment("f", 8, uid="new", replicas=2))
    deletion = event("DELETED", deployment("f", 7, uid="old"))
    api.watches.append([made_anew, deletion, modified(9, 1, "g"), HANG])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: find(cluster, G), "the last event")
        kept = find(cluster, F)
        assert kept is not None
        assert kept.uid == "new"


async def test_a_silent_watch_is_given_up(api: FakeApi, settings: KubernetesSettings) -> None:
    """A watch that is silent without closing is opened again where it was, and the change is seen then."""
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.extend([[modified(6, 2), HANG], [modified(7, 3), HANG]])
    async with running(settings, times=replace(TIMES, stall_s=0.2)) as cluster:
        await wait_for(lambda: requested(cluster, F) == 3, "the change told by the second watch")
    assert [asked.query["resourceVersion"] for asked in api.watched][:2] == ["5", "6"]
    assert len(api.lists) == 1


async def test_a_cut_line_is_dropped(api: FakeApi, settings: KubernetesSettings) -> None:
    """Half an event before a broken connection is not believed; the watch goes on from the last whole one."""
    api.pages[0] = page([deployment("f", 5)], 5)
    half = b'{"type":"DELETED","object":{"metadata":{"namespace":"ns","na'
    api.watches.extend([[modified(6, 2), half, CUT], [modified(8, 4), HANG]])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: requested(cluster, F) == 4, "the change told by the second watch")
    assert api.watched[1].query["resourceVersion"] == "6"
    assert len(api.lists) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"<html>\n",
        b"[1]\n",
        b'{"type":"MODIFIED"}\n',
        b'{"type":"WHAT","object":{}}\n',
        b'{"type":"ADDED","object":{"metadata":{"name":"f"},"spec":{}}}\n',
        b'{"type":"DELETED","object":{"metadata":null}}\n',
    ],
)
async def test_nonsense_is_listed_anew(api: FakeApi, settings: KubernetesSettings, line: bytes) -> None:
    """A whole line that is no watch event makes everything listed again, since an event may be lost."""
    api.pages.extend([page([deployment("f", 9, replicas=6)], 9)])
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.append([line, HANG])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: requested(cluster, F) == 6, "the second list")
    assert len(api.lists) == 2


async def test_bookmarks_move_the_place_to_resume(api: FakeApi, settings: KubernetesSettings) -> None:
    """After a bookmark a new watch starts from it, without a list."""
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.append([bookmark(50)])
    async with running(settings, times=TIMES):
        await wait_for(lambda: len(api.watched) == 2, "a second watch")
    assert [asked.query["resourceVersion"] for asked in api.watched] == ["5", "50"]
    assert all(asked.query["allowWatchBookmarks"] == "true" for asked in api.watched)
    assert len(api.lists) == 1


async def test_an_expired_page_starts_the_list_again(api: FakeApi, settings: KubernetesSettings) -> None:
    """A page token that expired starts the list anew; only a whole list decides what is gone."""
    api.pages.extend([Answer(410, refusal(410)), page([deployment("f", 6)], 6, "more"), page([deployment("g", 6)], 6)])
    api.pages[0] = page([deployment("f", 5)], 5, "more")
    async with running(settings, times=TIMES) as cluster:
        assert find(cluster, F)
        assert find(cluster, G)
    assert [asked.query.get("continue") for asked in api.lists] == [None, "more", None, "more"]


async def test_a_busy_server_is_asked_again(api: FakeApi, settings: KubernetesSettings) -> None:
    """A list answered by 429, 503 or an error page is asked for again until it succeeds."""
    api.pages.extend([Answer(503, refusal(503)), Answer(502, {}), page([deployment("f", 5)], 5)])
    api.pages[0] = Answer(429, refusal(429), {"Retry-After": "0"})
    async with running(settings, times=TIMES) as cluster:
        assert requested(cluster, F) == 1
        assert list(cluster.problems()) == []


async def test_a_missing_right_is_said_in_words(api: FakeApi, settings: KubernetesSettings) -> None:
    """A 403 leaves the cache unsynced, and the problem names what the API server said."""
    api.pages[0] = Answer(403, refusal(403, 'cannot list resource "deployments"'))
    async with running(settings, times=TIMES, is_synced=False) as cluster:
        await wait_for(cluster.problems, "a problem")
        assert not cluster.is_synced()
        assert 'cannot list resource "deployments"' in cluster.problems()[0]


async def test_a_server_that_goes_away_deletes_nothing(api: FakeApi, settings: KubernetesSettings) -> None:
    """While nothing answers the cache stays synced with what it had, and says that it hears nothing."""
    api.pages[0] = page([deployment("f", 5, replicas=4, ready=3)], 5)
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: api.watched, "the watch")
        await api.stop()
        await wait_for(cluster.problems, "a problem")
        columns = cluster.replicas(fleet_of(F, G))
        assert (columns.requested.tolist(), columns.ready.tolist()) == ([4, 0], [3, 0])
        assert cluster.is_synced()


async def test_long_lines_are_read(api: FakeApi, settings: KubernetesSettings) -> None:
    """An event of 6 MB, far beyond the reader's own limit, is read whole."""
    large = deployment(
        "f", 6, replicas=5, annotations={"kubectl.kubernetes.io/last-applied-configuration": "x" * 6_000_000}
    )
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.append([event("MODIFIED", large), HANG])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: requested(cluster, F) == 5, "the long event")
        kept = find(cluster, F)
        assert kept is not None
        assert kept.annotations == {}
    assert len(api.lists) == 1


async def test_watches_that_end_after_an_event_are_not_hammered(api: FakeApi, settings: KubernetesSettings) -> None:
    """A server that ends each watch at once, though it told something, is asked a few times a second at most."""
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.extend([[modified(6 + number, 2 + number)] for number in range(200)])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(cluster.problems, "a watch that is waited for")
        await wait_for(lambda: requested(cluster, F) >= 4, "the third watch")
        assert len(api.lists) == 1


async def test_a_restored_server_is_listed_anew(api: FakeApi, settings: KubernetesSettings) -> None:
    """Where versions went back, as after a restore from a backup, everything is listed, and believed as it is."""
    api.script("deployments", page([deployment("f", 50, replicas=5), deployment("g", 40)], 50), watches=[[CUT]])
    api.pages.append(page([deployment("f", 20, replicas=2, ready=1)], 21))
    api.watches.append([modified(22, 3), HANG])
    api.newest = 21
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: requested(cluster, F) == 3, "what came after the restore")
        assert find(cluster, G) is None
    assert [asked.query["resourceVersion"] for asked in api.watched] == ["50", "21"]


async def test_a_broken_connection_costs_one_question(api: FakeApi, settings: KubernetesSettings) -> None:
    """After a broken connection the newest version is asked for, by a list of one object, before the watch resumes."""
    api.script("deployments", page([deployment("f", 5)], 5), watches=[[CUT], [modified(8, 4), HANG]])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: requested(cluster, F) == 4, "the change told by the second watch")
    assert len([asked for asked in api.compared if asked.kind == "deployments"]) == 1
    assert len(api.lists) == 1


async def test_a_watch_that_never_says_anything_is_not_believed(api: FakeApi, settings: KubernetesSettings) -> None:
    """Two watches that are silent from the first moment on, without so much as a bookmark, lead to a list."""
    api.script("deployments", page([deployment("f", 5)], 5), page([deployment("f", 9, replicas=6)], 9))
    async with running(settings, times=replace(TIMES, stall_s=0.2)) as cluster:
        await wait_for(lambda: requested(cluster, F) == 6, "the second list")
    assert [asked.query["resourceVersion"] for asked in api.watched][:2] == ["5", "5"]


async def test_a_late_event_of_the_gone_brings_nothing_back(api: FakeApi, settings: KubernetesSettings) -> None:
    """An event that is older than its Deployment's deletion and comes after it is passed over; a new one counts."""
    api.pages[0] = page([deployment("f", 5), deployment("g", 5)], 5)
    gone = [event("DELETED", deployment(name, 7)) for name in "fg"]
    api.watches.append(
        [*gone, modified(6, 9), event("ADDED", deployment("g", 8, uid="new")), modified(9, 1, "h"), HANG]
    )
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: find(cluster, FunctionKey("ns", "h")), "the last event")
        assert find(cluster, F) is None
        kept = find(cluster, G)
        assert kept is not None
        assert kept.uid == "new"


async def test_events_out_of_order_do_not_move_the_place_back(api: FakeApi, settings: KubernetesSettings) -> None:
    """A watch resumes from the newest version heard, whatever came last."""
    api.pages[0] = page([deployment("f", 5)], 5)
    api.watches.append([modified(9, 3), modified(7, 1, "g")])
    async with running(settings, times=TIMES):
        await wait_for(lambda: len(api.watched) == 2, "a second watch")
    assert api.watched[1].query["resourceVersion"] == "9"


async def test_a_recreation_in_absence_is_seen(api: FakeApi, settings: KubernetesSettings) -> None:
    """A Deployment that was deleted and made anew while nothing was heard has its new uid, labels and counts."""
    api.script("deployments", page([deployment("f", 5, uid="old", replicas=4, ready=4)], 5), watches=[[CUT]])
    api.pages.append(page([deployment("f", 9, uid="new", replicas=1, labels={"a": "b"})], 9))
    api.watches.append([event("ERROR", refusal(410))])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: (now := find(cluster, F)) and now.uid == "new", "the new uid")
        columns = cluster.replicas(fleet_of(F))
        assert (columns.requested.tolist(), columns.ready.tolist()) == ([1], [0])


async def test_pages_that_keep_expiring_get_larger(api: FakeApi, settings: KubernetesSettings) -> None:
    """A list whose pages expire before it is through is asked for in fewer, larger pages, and in usual ones later."""
    expiring = [page([deployment("f", 5)], 5, "more"), Answer(410, refusal(410))]
    api.script("deployments", *expiring, *expiring, page([deployment("f", 6)], 6), page([deployment("f", 9)], 9))
    api.watches.append([event("ERROR", refusal(410))])
    async with running(settings.model_copy(update={"page_size": 100}), times=TIMES):
        await wait_for(lambda: len(api.lists) == 6, "a list after the whole one")
    assert [asked.query["limit"] for asked in api.lists] == ["100", "100", "200", "200", "400", "100"]


async def test_the_next_page_is_asked_for_early(api: FakeApi, settings: KubernetesSettings) -> None:
    """While a page is read the next one is on its way; where reading fails, it is not waited for."""
    api.script(
        "deployments", page([{"metadata": {}}], 5, "more"), Answer(is_hanging=True), page([deployment("f", 9)], 9)
    )
    async with running(settings, times=TIMES) as cluster:
        assert find(cluster, F)
