"""When a tenant's token is replaced, and which hashes stay valid meanwhile."""

import numpy as np
import pytest

from autoscaler.policy.onboarding.credentials import MOST_ENTRIES, Entry, RotationTimes, rotated

TIMES = RotationTimes(rotate_s=1000.0, overlap_s=100.0)


def test_a_new_tenant_gets_a_token() -> None:
    """Without a Secret the fresh token is taken, in every namespace, and its hash is the one in force."""
    plan = rotated((), {"a": None, "b": None}, 5000.0, TIMES, "new")
    assert plan.entries == (Entry("new", 5000.0),)
    assert (plan.current, plan.stale) == ("new", ("a", "b"))


def test_a_young_token_stays() -> None:
    """Where every Secret holds the current token, nothing changes."""
    entries = (Entry("old", 5000.0),)
    plan = rotated(entries, {"a": "old", "b": "old"}, 5999.0, TIMES, "new")
    assert (plan.entries, plan.current, plan.stale) == (entries, "old", ())


def test_an_old_token_is_replaced_and_both_are_valid_for_a_while() -> None:
    """At the age of rotation a fresh token takes its place; the old one ends an overlap after the last Secret dropped it."""
    plan = rotated((Entry("old", 5000.0),), {"a": "old"}, 6000.0, TIMES, "new")
    assert plan.entries == (Entry("old", 5000.0), Entry("new", 6000.0))
    assert (plan.current, plan.stale) == ("new", ("a",))
    after = rotated(plan.entries, {"a": "new"}, 6060.0, TIMES, "x")
    assert after.entries == (Entry("old", 5000.0, 6160.0), Entry("new", 6000.0))
    assert (after.current, after.stale) == ("new", ())


def test_the_old_hash_goes_when_its_overlap_is_over() -> None:
    """A former token that stands in no Secret is valid until its end, and not a second longer."""
    entries = (Entry("old", 5000.0, 6100.0), Entry("new", 6000.0))
    assert rotated(entries, {"a": "new"}, 6099.0, TIMES, "x").entries == entries
    assert rotated(entries, {"a": "new"}, 6100.0, TIMES, "x").entries == entries[1:]


def test_a_hash_whose_token_stands_in_a_secret_is_never_taken_away() -> None:
    """A token that stands in a Secret again has no end, whatever its entry said."""
    entries = (Entry("old", 5000.0, 6100.0), Entry("new", 6000.0))
    plan = rotated(entries, {"a": "new", "b": "old"}, 6900.0, TIMES, "x")
    assert plan.entries == (Entry("old", 5000.0), Entry("new", 6000.0))
    assert (plan.current, plan.stale) == ("new", ("b",))


def test_a_token_that_was_never_written_is_given_up() -> None:
    """A crash after the hash and before the Secret loses the token: another is made, unless the process lived on."""
    entries = (Entry("old", 5000.0), Entry("lost", 6000.0))
    plan = rotated(entries, {"a": "old"}, 6010.0, TIMES, "new")
    assert plan.current == "new"
    assert plan.entries == (Entry("old", 5000.0), Entry("lost", 6000.0, 6110.0), Entry("new", 6010.0))
    again = rotated(entries, {"a": "old"}, 6010.0, TIMES, "new", frozenset({"lost"}))
    assert (again.current, again.entries) == ("lost", entries)


def test_what_somebody_wrote_by_hand_is_replaced() -> None:
    """A token whose hash is not in force opens nothing: its Secret gets the current one."""
    plan = rotated((Entry("old", 5000.0),), {"a": "old", "b": "forged"}, 5010.0, TIMES, "new")
    assert (plan.entries, plan.current, plan.stale) == ((Entry("old", 5000.0),), "old", ("b",))
    alone = rotated((Entry("old", 5000.0),), {"b": "forged"}, 5010.0, TIMES, "new")
    assert (alone.current, alone.stale) == ("new", ("b",))
    assert Entry("forged", 5010.0) not in alone.entries


def test_a_tenant_without_namespaces_has_no_token() -> None:
    """Its hashes end after the overlap, and none is made."""
    plan = rotated((Entry("old", 5000.0),), {}, 5010.0, TIMES, "new")
    assert (plan.entries, plan.current) == ((Entry("old", 5000.0, 5110.0),), None)
    assert rotated(plan.entries, {}, 5110.0, TIMES, "new").entries == ()


def test_a_token_from_the_future_is_replaced() -> None:
    """A token that a wrong clock made years ahead would never grow old, so it is taken for too old."""
    plan = rotated((Entry("ahead", 9_000_000.0),), {"a": "ahead"}, 5000.0, TIMES, "new")
    assert plan.current == "new"
    assert plan.entries == (Entry("new", 5000.0), Entry("ahead", 9_000_000.0))


@pytest.mark.parametrize("seed", range(50))
def test_whatever_fails_nobody_is_locked_out_and_hashes_do_not_pile_up(seed: int) -> None:
    """Over random crashes, hand edits and time, every token in a Secret that we wrote is valid after each step."""
    generator = np.random.default_rng(seed)
    entries: tuple[Entry, ...] = ()
    secrets: dict[str, str | None] = dict.fromkeys("abc")
    now_s = 5000.0
    for step in range(300):
        now_s += float(generator.choice([1.0, 30.0, 150.0, 700.0]))
        if generator.random() < 0.1:
            secrets[str(generator.choice(list("abc")))] = None
        if generator.random() < 0.05:
            secrets[str(generator.choice(list("abc")))] = f"forged-{step}"
        plan = rotated(entries, secrets, now_s, TIMES, f"token-{step}")
        if generator.random() < 0.2:
            continue  # a crash before anything was written
        entries = plan.entries
        for namespace in plan.stale:
            if generator.random() < 0.3:
                break  # a crash between two writes
            secrets[namespace] = plan.current
        valid = {one.token_sha256 for one in entries if one.until_s is None or one.until_s > now_s}
        ours = {token for token in secrets.values() if token is not None and token.startswith("token-")}
        assert ours <= valid
        assert len(entries) <= MOST_ENTRIES + 1 + len(secrets)
