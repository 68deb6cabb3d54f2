"""When a tenant's token is replaced, and which hashes stay valid meanwhile. Decided on values; nothing is drawn here.

A hash is written into the Tenant's status before its token is written into a Secret, and a hash whose token still stands
in a Secret has no end. So whenever a process ends in between, and for however long, who has the token of a Secret is let
in.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

MOST_ENTRIES = 8
"""Hashes kept of tokens that stand in no Secret any more: a process that crashes at every try makes one each time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A credential in force, as `status.callers` has it.

    Attributes:
        token_sha256: SHA-256 of its token, lower-case hex.
        since_s: when it was made, UTC seconds.
        until_s: when it ends, UTC seconds; None: a Secret holds its token, or did when last looked at.
    """

    token_sha256: str
    since_s: float
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class RotationTimes:
    """How often tokens are replaced.

    Attributes:
        rotate_s: age at which a token is replaced, seconds.
        overlap_s: how long the old one is valid beside the new one, seconds: what Alertmanager needs to read a Secret.
    """

    rotate_s: float = 30 * 86_400.0
    overlap_s: float = 3_600.0


@dataclass(frozen=True, slots=True)
class Rotation:
    """What is to be so.

    Attributes:
        entries: `status.callers`, to be written first.
        current: hash of the token that every Secret of the tenant shall hold; None: it has no namespace.
        stale: namespaces whose Secret does not hold it.
    """

    entries: tuple[Entry, ...]
    current: str | None
    stale: tuple[str, ...]


def rotated(
    entries: Sequence[Entry],
    held: Mapping[str, str | None],
    now_s: float,
    times: RotationTimes,
    fresh: str,
    known: Set[str] = frozenset(),
) -> Rotation:
    """Decide which token a tenant's Secrets shall hold, and which hashes are valid.

    Args:
        entries: what is in force.
        held: hash of the token in each namespace's Secret; None: there is none, or it holds no token.
        now_s: UTC seconds.
        fresh: hash of a token just drawn, which is taken where a new one is needed.
        known: hashes of tokens that could not be written into Secrets yet, and are still remembered.
    """
    in_use = {token for token in held.values() if token is not None}
    current = _current(entries, in_use | known, now_s, times)
    if current is None and held:
        current = Entry(fresh, now_s)
    others = [one for one in entries if current is None or one.token_sha256 != current.token_sha256]
    kept = [one for one in (_ending(one, in_use, now_s, times) for one in others) if one is not None]
    used = [one for one in kept if one.token_sha256 in in_use]
    unused = sorted((one for one in kept if one.token_sha256 not in in_use), key=_end_s, reverse=True)[:MOST_ENTRIES]
    valid = sorted([*used, *unused, *([current] if current is not None else [])], key=_age)
    token = current.token_sha256 if current is not None else None
    stale = tuple(namespace for namespace, one in held.items() if one != token)
    return Rotation(tuple(valid), token, stale)


def _current(entries: Sequence[Entry], known: Set[str], now_s: float, times: RotationTimes) -> Entry | None:
    """Give the newest token that is known, unless it is time for another.

    One that no Secret holds and nobody remembers is lost: only its hash was ever written down.
    """
    # One from the future was made by a clock that was wrong, and would never grow old.
    latest_s = now_s + times.overlap_s
    living = [one for one in entries if one.token_sha256 in known and one.until_s is None and one.since_s <= latest_s]
    newest = max(living, key=_age, default=None)
    return newest if newest is not None and now_s < newest.since_s + times.rotate_s else None


def _ending(entry: Entry, in_use: set[str], now_s: float, times: RotationTimes) -> Entry | None:
    """Give a former token the end that it has, or gets now; None: it is over.

    It ends only once no Secret holds it any more: an end written before the new Secrets are would lock its readers out
    when this process dies in between and stays away.
    """
    if entry.token_sha256 in in_use:
        return replace(entry, until_s=None)
    if entry.until_s is None:
        return replace(entry, until_s=now_s + times.overlap_s)
    return entry if entry.until_s > now_s else None


def _end_s(entry: Entry) -> tuple[float, str]:
    return entry.until_s or 0.0, entry.token_sha256


def _age(entry: Entry) -> tuple[float, str]:
    return entry.since_s, entry.token_sha256
