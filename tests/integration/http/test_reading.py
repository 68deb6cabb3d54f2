"""The read-only routes over real sockets."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.ports import LeadershipState, ScaleOutcome, WakeState, WatchState, WriteFailure
from autoscaler.server.budgets import TENANT_NUMBERS
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, GATEWAY, OPERATOR, OWN_QUERIES, UMBRELLA

READING = ("/v1/functions", "/v1/functions/acme-prod/checkout", "/v1/tenants", "/v1/decisions", "/v1/status")


def names(answer: dict[str, Any]) -> list[str]:
    """Give the functions of a page."""
    return [f"{row['namespace']}/{row['function']}" for row in answer["functions"]]


async def test_functions_show_load_replicas_and_reason(listening: Listening) -> None:
    """A row holds what was seen, what is there, what was decided, and why."""
    answer = await listening.read("/v1/functions?namespace=acme-prod")
    row = answer["functions"][0]
    assert row == {
        "namespace": "acme-prod",
        "function": "checkout",
        "tenant": "acme",
        "seen": "value",
        "rps": 42.0,
        "concurrency": 4.2,
        "in_flight": 4.0,
        "requested": 5,
        "ready": 5,
        "desired": 5,
        "reason": "DEMAND",
        "reason_sentence": row["reason_sentence"],
        "schedule": None,
    }
    assert answer["decided_ago_s"] == 2.0


async def test_an_unknown_load_is_null(listening: Listening) -> None:
    """What is not known is null, never 0."""
    row = (await listening.read("/v1/functions?namespace=acme-dev"))["functions"][0]
    assert (row["seen"], row["rps"], row["concurrency"], row["in_flight"]) == ("unknown", None, None, None)


async def test_a_tenant_sees_its_own_functions_alone(listening: Listening) -> None:
    """Each token lists its own tenants' functions, an operator's all."""
    assert names(await listening.read("/v1/functions", ACME)) == [
        "acme-dev/search",
        "acme-prod/checkout",
        "acme-prod/thumbnail",
    ]
    assert names(await listening.read("/v1/functions", UMBRELLA)) == ["umbrella/mail", "umbrella/render"]
    assert (await listening.read("/v1/functions", OPERATOR))["total"] == 6


@pytest.mark.parametrize("query", ["tenant=umbrella", "namespace=umbrella", "tenant=nobody", "namespace=nowhere"])
async def test_asking_for_somebody_else_finds_nothing(listening: Listening, query: str) -> None:
    """Another tenant's name and one that does not exist give the same empty page."""
    answer = await listening.read(f"/v1/functions?{query}", ACME)
    assert (answer["functions"], answer["total"], answer["continue"]) == ([], 0, None)


async def test_functions_are_filtered_by_reason(listening: Listening) -> None:
    """`reason` gives the functions that it bound."""
    assert names(await listening.read("/v1/functions?reason=BUDGET", OPERATOR)) == ["umbrella/render"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("at-zero", ["umbrella/mail"]),
        ("starting", []),
        ("unknown", ["acme-dev/search"]),
        ("held", []),
    ],
)
async def test_functions_are_filtered_by_state(listening: Listening, state: str, expected: list[str]) -> None:
    """`state` gives the very functions that the tenants' sums count, together with other filters too."""
    answer = await listening.read(f"/v1/functions?state={state}", OPERATOR)
    assert (names(answer), answer["total"]) == (expected, len(expected))
    sums = (await listening.read("/v1/tenants", OPERATOR))["tenants"]
    assert sum(row[state.replace("-", "_")] for row in sums) == len(expected)
    assert names(await listening.read(f"/v1/functions?state={state}&tenant=wayne", OPERATOR)) == []


async def test_a_state_that_there_is_not_is_refused(listening: Listening) -> None:
    """The answer says where it stood and which there are."""
    answer = await listening.read("/v1/functions?state=AT_ZERO", OPERATOR, status=400)
    assert (answer["error"]["where"], answer["error"]["allowed"]) == (
        "query state",
        "one of: at-zero, starting, unknown, held",
    )


async def test_what_shall_run_and_cannot_serve_is_starting(listening: Listening) -> None:
    """Functions with replicas of which none is ready are starting; one at zero is not."""
    decisions = listening.service.decisions
    assert decisions is not None
    listening.service.decisions = replace(decisions, ready=np.zeros(len(decisions.rows)))
    found = names(await listening.read("/v1/functions?state=starting", OPERATOR))
    assert len(found) == 5
    assert "umbrella/mail" not in found


async def test_tenants_come_in_pages(listening: Listening) -> None:
    """Pages of one, followed by `continue`, give every tenant once and in order; the last one has no further."""
    found, query = list[str](), "?limit=1"
    for further in ("acme", "umbrella", None):
        answer = await listening.read(f"/v1/tenants{query}", OPERATOR)
        found += [row["tenant"] for row in answer["tenants"]]
        assert (answer["total"], answer["continue"]) == (3, further)
        query = f"?limit=1&continue={further}"
    assert found == ["acme", "umbrella", "wayne"]


async def test_tenants_are_filtered_by_name(listening: Listening) -> None:
    """`tenant` gives one; another caller's, and one that does not exist, give none."""
    answer = await listening.read("/v1/tenants?tenant=umbrella", OPERATOR)
    assert [row["tenant"] for row in answer["tenants"]] == ["umbrella"]
    for name in ("umbrella", "nobody"):
        answer = await listening.read(f"/v1/tenants?tenant={name}", ACME)
        assert (answer["tenants"], answer["total"], answer["continue"]) == ([], 0, None)


async def test_a_page_of_tenants_goes_on_after_one_that_is_gone(listening: Listening) -> None:
    """`continue` names a place in the order, not a tenant that must still be there."""
    answer = await listening.read("/v1/tenants?continue=bbb", OPERATOR)
    assert [row["tenant"] for row in answer["tenants"]] == ["umbrella", "wayne"]


async def test_pages_hold_every_function_once(listening: Listening) -> None:
    """Pages of two, followed by `continue`, give every function once and in order."""
    found: list[str] = []
    path = "/v1/functions?limit=2"
    while True:
        answer = await listening.read(path, OPERATOR)
        found += names(answer)
        if answer["continue"] is None:
            break
        path = f"/v1/functions?limit=2&continue={answer['continue']}"
    assert found == names(await listening.read("/v1/functions", OPERATOR))
    assert len(found) == 6


async def test_a_page_goes_on_where_its_last_function_went_away(listening: Listening) -> None:
    """`continue` names a place, not a function that must still be there."""
    answer = await listening.read("/v1/functions?continue=acme-prod/gone-since", OPERATOR)
    assert names(answer) == ["acme-prod/thumbnail", "umbrella/mail", "umbrella/render", "wayne/signal"]


async def test_one_function_is_shown_whole(listening: Listening) -> None:
    """The record has all eight stages with replicas and reason, sentences, and the policy in force."""
    answer = await listening.read("/v1/functions/umbrella/render", UMBRELLA)
    decision = answer["decision"]
    assert [stage["replicas"] for stage in decision["stages"]] == [14, 14, 14, 14, 12, 8, 8, 8]
    assert [stage["stage"] for stage in decision["stages"]][4:] == ["limits", "budget", "blast-radius", "mask"]
    assert [stage["reason"] for stage in decision["stages"]][4:6] == ["MAX_REPLICAS", "BUDGET"]
    assert (decision["desired"], decision["reason"]) == (8, "BUDGET")
    assert decision["sentences"]
    assert decision["numbers"]["tenant_cap"] == 9.0
    assert decision["numbers"]["concurrency_cap"] is None
    assert answer["now"] == {"requested": 8, "ready": 8}
    assert answer["policy"] == "umbrella/default"


async def test_a_function_shows_its_last_changes(listening: Listening) -> None:
    """History holds the changed decisions, each whole."""
    history = (await listening.read("/v1/functions/acme-prod/thumbnail"))["history"]
    assert [(past["requested"], past["desired"], past["reason"]) for past in history] == [(1, 0, "ZERO_IDLE")]


async def test_a_function_shows_its_last_wakes(listening: Listening) -> None:
    """Each with where its time went and a sentence that says it, oldest first; none where nobody woke it."""
    key, log = FunctionKey("acme-prod", "thumbnail"), listening.service.wake_log
    log.turned_away(key, "acme", WakeState.REFUSED, 900.0, "BUDGET")
    log.asked(key, "acme", 990.0)
    log.sent(key, 990.25)
    shown = (await listening.read("/v1/functions/acme-prod/thumbnail", ACME))["wakes"]
    assert [(wake["asked_ago_s"], wake["state"], wake["reason"]) for wake in shown] == [
        (100.0, "refused", "BUDGET"),
        (10.0, None, None),
    ]
    assert [(wake["sent_s"], wake["requests"], wake["ended_s"]) for wake in shown] == [(None, 1, 0.0), (0.25, 1, None)]
    assert all(wake["sentence"] for wake in shown)
    assert (await listening.read("/v1/functions/acme-dev/search"))["wakes"] == []


async def test_a_foreign_function_and_none_look_the_same(listening: Listening) -> None:
    """No answer tells whether another tenant has such a function."""
    foreign = await listening.read("/v1/functions/umbrella/render", ACME, status=404)
    missing = await listening.read("/v1/functions/acme-prod/no-such", ACME, status=404)
    assert foreign == missing


async def test_tenants_show_use_against_cap(listening: Listening) -> None:
    """Sums of replicas, functions at zero, starting and unknown stand beside the cap; no cap is null."""
    answer = {row["tenant"]: row for row in (await listening.read("/v1/tenants", OPERATOR))["tenants"]}
    assert answer["umbrella"] == {
        "tenant": "umbrella",
        "namespaces": ["umbrella"],
        "source": "second",
        "replicas_cap": 9,
        "dry_run": False,
        "functions": 2,
        "requested": 8,
        "ready": 8,
        "desired": 9,
        "at_zero": 1,
        "starting": 0,
        "unknown": 0,
        "held": 0,
        "budget": {
            "pool": "default",
            "guarantee": 0,
            "cap": None,
            "lend": "all",
            "weight": 1.0,
            "concurrency_cap": None,
            **dict.fromkeys((*TENANT_NUMBERS, "bound_by")),
        },
    }
    assert answer["acme"]["unknown"] == 1
    assert answer["wayne"]["replicas_cap"] is None


async def test_a_tenant_sees_its_own_use_alone(listening: Listening) -> None:
    """No other tenant's name is shown."""
    assert [row["tenant"] for row in (await listening.read("/v1/tenants", ACME))["tenants"]] == ["acme"]


async def test_changes_are_listed_newest_first_and_filtered(listening: Listening) -> None:
    """Each caller sees changes of its own functions; filters and pages work as for functions."""
    everything = (await listening.read("/v1/decisions", OPERATOR))["decisions"]
    assert [(change["function"], change["reason"]) for change in everything] == [
        ("thumbnail", "ZERO_IDLE"),
        ("mail", "WAKE"),
    ]
    assert [change["function"] for change in (await listening.read("/v1/decisions", ACME))["decisions"]] == [
        "thumbnail"
    ]
    assert (await listening.read("/v1/decisions?tenant=umbrella", ACME))["decisions"] == []
    assert len((await listening.read("/v1/decisions?reason=WAKE", OPERATOR))["decisions"]) == 1
    first = await listening.read("/v1/decisions?limit=1", OPERATOR)
    second = await listening.read(f"/v1/decisions?limit=1&continue={first['continue']}", OPERATOR)
    assert [change["function"] for change in first["decisions"] + second["decisions"]] == ["thumbnail", "mail"]
    assert second["continue"] is None


async def test_an_operator_sees_the_daemons_whole_state(listening: Listening) -> None:
    """Problems of documents, every source, writes by outcome and failed writes are shown."""
    status = await listening.read("/v1/status", OPERATOR)
    assert (status["is_ready"], status["ticks"], status["overruns"]) == (True, 12, 1)
    assert [source["name"] for source in status["sources"]] == ["main", "second"]
    assert status["writes"] == {"done": 31, "lost": 1}
    assert status["write_failures"][0]["outcome"] == "forbidden"
    assert len(status["problems"]) == 1


HELD = {
    "writes_held": "the API server has not been heard of for 200 s",
    "step_failures": 3,
    "cluster_problems": ["umbrella: deployments cannot be read: 403: no right"],
    "refused_events": 5,
    "state_bytes": 4_096,
}


async def test_what_stands_against_writing_is_shown(listening: Listening) -> None:
    """Held writes, failed steps, watches that fail and the controller's own counts are in the state."""
    listening.service.state = HELD
    status = await listening.read("/v1/status", OPERATOR)
    assert {name: status[name] for name in HELD} == HELD


async def test_a_tenant_sees_that_writes_are_held_and_not_whose_watch_fails(listening: Listening) -> None:
    """Namespaces of others, and how much state there is in all, are the operator's to know."""
    listening.service.state = HELD
    status = await listening.read("/v1/status", ACME)
    assert (status["writes_held"], status["step_failures"]) == (HELD["writes_held"], 3)
    assert (status["cluster_problems"], status["refused_events"], status["state_bytes"]) == ([], None, None)


async def test_a_function_shows_how_its_source_fares(listening: Listening) -> None:
    """Beside the decision stands the source of the tenant's loads: well, or why not and since when."""
    well = await listening.read("/v1/functions/acme-prod/checkout", ACME)
    sick = await listening.read("/v1/functions/umbrella/render", UMBRELLA)
    problems = well["source"].pop("query_problems"), sick["source"].pop("query_problems")
    assert well["source"] == {"name": "main", "is_ok": True, "error": None, "whole_age_s": None}
    assert sick["source"] == {"name": "second", "is_ok": False, "error": "HTTP 503", "whole_age_s": 12.0}
    assert problems == ([], [OWN_QUERIES[0].words])


async def test_what_ails_a_tenants_own_query_is_no_other_tenants_to_know(listening: Listening) -> None:
    """The operator sees all of them in the state, a tenant its own beside its functions, and no others anywhere."""
    operators = (await listening.read("/v1/status", OPERATOR))["sources"]
    tenants = (await listening.read("/v1/status", UMBRELLA))["sources"]
    assert [one["tenant"] for source in operators for one in source["query_problems"]] == ["umbrella", "acme"]
    assert all(source["query_problems"] == [] for source in tenants)


async def test_how_much_a_shared_source_holds_is_the_operators_to_know(listening: Listening) -> None:
    """Series of a source are of all tenants together: to a tenant their number is null."""
    operators = (await listening.read("/v1/status", OPERATOR))["sources"]
    tenants = (await listening.read("/v1/status", ACME))["sources"]
    assert all(isinstance(source["series"], int) for source in operators)
    assert [source["series"] for source in tenants] == [None]


async def test_a_tenant_sees_nothing_of_others_in_the_state(listening: Listening) -> None:
    """Sources, failures, boosts and problems of others are left out."""
    listening.service.boosts["x"] = (listening.service.past[0].key, listening.service.past[1].key)
    status = await listening.read("/v1/status", ACME)
    assert [source["name"] for source in status["sources"]] == ["main"]
    assert (status["write_failures"], status["problems"], status["writes"]) == ([], [], {})
    assert [row["namespace"] for boost in status["boosts"] for row in boost["functions"]] == ["acme-prod"]


async def test_of_very_many_boosts_the_first_are_shown(listening: Listening) -> None:
    """The state says that there are more boosts than it shows, and to a tenant nothing of how many others have."""
    assert (await listening.read("/v1/status", OPERATOR))["more_boosts"] is False
    acme, umbrella = (listening.service.past[which].key for which in (0, 1))
    listening.service.boosts |= {f"b{number}": (acme,) for number in range(501)}
    listening.service.boosts["theirs"] = (umbrella,)
    status = await listening.read("/v1/status", OPERATOR)
    assert (len(status["boosts"]), status["more_boosts"]) == (500, True)
    theirs = await listening.read("/v1/status", UMBRELLA)
    assert ([boost["id"] for boost in theirs["boosts"]], theirs["more_boosts"]) == (["theirs"], False)


@pytest.mark.parametrize("path", READING)
async def test_nobody_reads_without_a_known_token(listening: Listening, path: str) -> None:
    """Without a token, with a wrong one: 401; with a gateway's: 403."""
    for token, status in ((None, 401), ("wrong", 401), (GATEWAY, 403)):
        answer = await listening.read(path, token, status=status)
        assert set(answer["error"]) == {"what", "where", "allowed"}


@pytest.mark.parametrize("path", [path for path in READING if path != "/v1/status"])
async def test_before_the_first_tick_reading_is_told_to_wait(listening: Listening, path: str) -> None:
    """Without a tick there is no state: 503, not an empty list."""
    listening.service.empty()
    await listening.read(path, status=503)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "query limit"),
        ("limit=501", "query limit"),
        ("limit=-1", "query limit"),
        ("limit=٣", "query limit"),
        ("limit=1e2", "query limit"),
        ("limit=1&limit=2", "query limit"),
        ("reason=NONE", "query reason"),
        ("reason=budget", "query reason"),
        ("continue=x", "query continue"),
        ("token=secret", "query"),
    ],
)
@pytest.mark.parametrize("route", ["/v1/functions", "/v1/decisions"])
async def test_a_wrong_parameter_is_refused(listening: Listening, route: str, query: str, where: str) -> None:
    """What is wrong gets 400 and where; the value itself is not repeated."""
    answer = await listening.read(f"{route}?{query}", status=400)
    assert answer["error"]["where"] == where
    assert "secret" not in str(answer)


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/functions/", "/v1/functions/x", "/../etc/passwd", "/static/app.js", "/v2/functions"]
)
async def test_other_paths_are_not_found(listening: Listening, path: str) -> None:
    """What is no route is 404 in JSON, never a redirect."""
    answer = await listening.read(path, status=404)
    assert answer["error"]["where"] == "path"


async def test_answers_are_kept_by_nobody(listening: Listening) -> None:
    """Caches between keep no tenant's state, and no answer says what serves it."""
    async with listening.ask("GET", "/v1/functions") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "autoscaler"


async def test_a_function_that_changed_hands_shows_nothing_of_its_former_tenant(listening: Listening) -> None:
    """What was decided while a namespace was another tenant's is that tenant's, not the new one's."""
    (past,) = [one for one in listening.service.past if str(one.key) == "acme-prod/thumbnail"]
    listening.service.past.append(replace(past, tenant="umbrella", at=Now(past.at.monotonic_s - 60, past.at.utc_s)))
    shown = (await listening.read("/v1/functions/acme-prod/thumbnail", ACME))["history"]
    assert [one["tenant"] for one in shown] == ["acme"]
    whole = (await listening.read("/v1/functions/acme-prod/thumbnail", OPERATOR))["history"]
    assert [one["tenant"] for one in whole] == ["acme", "umbrella"]
    listening.service.wake_log.turned_away(past.key, "umbrella", WakeState.FULL, 1.0)
    assert (await listening.read("/v1/functions/acme-prod/thumbnail", ACME))["wakes"] == []


async def test_status_names_the_latest_failed_writes_and_counts_all(listening: Listening) -> None:
    """Where everything is refused a hundred failures are shown, the latest first, and all are counted."""
    failures = [
        WriteFailure(FunctionKey("acme-prod", f"f{number}"), ScaleOutcome.FORBIDDEN, "no", Now(float(number), 1.0))
        for number in range(3_000)
    ]
    listening.service.state["write_failures"] = failures
    status = await listening.read("/v1/status", OPERATOR)
    assert status["write_failures_total"] == 3_000
    assert [row["function"] for row in status["write_failures"]] == [f"f{2_999 - place}" for place in range(100)]


async def test_status_shows_operators_how_far_a_start_or_drain_is(listening: Listening) -> None:
    """Who decides, what is listed by kind, and what waits to be written by class; a tenant is shown none of it."""
    listening.service.state |= {
        "leadership": LeadershipState(True, "autoscaler", "pod-1", "pod-1", "pod-1:8080", 2),
        "watches": [WatchState("deployments", None, 12_000, False, True, 0.1, None)],
        "writes_queued": {"wake": 1, "raise": 900, "cut": 0},
        "writes_waited_s": {"wake": 0.5, "raise": 31.0, "cut": 0.0},
        "writes_per_second": 19.5,
    }
    status = await listening.read("/v1/status", OPERATOR)
    assert status["leadership"] == {
        "is_leader": True,
        "lease": "autoscaler",
        "identity": "pod-1",
        "holder": "pod-1",
        "transitions": 2,
    }
    assert status["listed"] == [{"kind": "deployments", "listed": 12_000, "watches": 1, "synced": 0, "is_needed": True}]
    assert status["writes_queued"]["raise"] == {"waiting": 900, "waited_s": 31.0}
    assert status["writes_per_second"] == 19.5
    hidden = await listening.read("/v1/status", ACME)
    assert [hidden[name] for name in ("leadership", "listed", "writes_queued", "writes_per_second")] == [
        None,
        [],
        None,
        None,
    ]
