"""How far a start or a drain is, in lines: for people who look at a probe before anything else works."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoscaler.ports import Health, LeadershipState, SourceHealth, WatchState


@dataclass(frozen=True, slots=True)
class Kind:
    """All watches of one kind together.

    Attributes:
        name: plural, such as `deployments`.
        listed: objects read by their lists.
        watches: how many there are: one, or one for each namespace.
        synced: those that have read a whole list.
        is_needed: nothing is written without them.
        problems: why some cannot be kept now, each with its namespace.
    """

    name: str
    listed: int
    watches: int
    synced: int
    is_needed: bool
    problems: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether everything of it was listed."""
        return self.synced == self.watches


def by_kind(watches: Sequence[WatchState]) -> list[Kind]:
    """Put watches of one kind together, in the order in which kinds come first."""
    names = dict.fromkeys(watch.kind for watch in watches)
    return [_kind(name, [watch for watch in watches if watch.kind == name]) for name in names]


def lines(health: Health, *, with_words: bool) -> list[str]:
    """Say of each part that readiness or writing hangs on how it fares: `[+]` well, `[-]` not, or not yet.

    Args:
        with_words: names and problems too, which only those inside the cluster shall read: without it there are counts.
    """
    verdict = "passed" if health.is_ready else "failed"
    parts = (
        *_listed(by_kind(health.watches), with_words),
        _leadership(health.leadership, with_words),
        *_recall(health),
        _ticks(health),
        *_sources(health.sources, with_words),
        _writes(health, with_words),
    )
    return [*(f"[{'+' if is_well else '-'}]{words}" for is_well, words in parts), f"readyz check {verdict}"]


def _kind(name: str, watches: Sequence[WatchState]) -> Kind:
    return Kind(
        name=name,
        listed=sum(watch.listed for watch in watches),
        watches=len(watches),
        synced=sum(watch.is_synced for watch in watches),
        is_needed=any(watch.is_needed for watch in watches),
        problems=tuple(f"{watch.namespace or 'all namespaces'}: {watch.problem}" for watch in watches if watch.problem),
    )


def _listed(kinds: Sequence[Kind], with_words: bool) -> Iterator[tuple[bool, str]]:
    for kind in kinds:
        places = f", {kind.synced} of {kind.watches} namespaces whole" if kind.watches > 1 else ""
        state = places if places or kind.is_whole else ", not whole yet"
        words = "".join(f"; {problem}" for problem in kind.problems[:_MOST_NAMED]) if with_words else ""
        failing = f", {len(kind.problems)} cannot be read now" if kind.problems else ""
        yield kind.is_whole and not kind.problems, f"{kind.name} listed {kind.listed}{state}{failing}{words}"


def _leadership(state: LeadershipState, with_words: bool) -> tuple[bool, str]:
    problem = f"; {state.problem}" if state.problem and with_words else ""
    if state.is_leader:
        return True, "leadership this daemon decides" + (
            f" by the Lease {state.lease}" if state.lease else ""
        ) + problem
    if state.holder in (None, "", state.identity):
        return False, f"leadership nobody holds the Lease {state.lease}{problem}"
    who = state.holder if with_words else "another daemon"
    return True, f"leadership {who} decides by the Lease {state.lease}, this one stands by{problem}"


def _recall(health: Health) -> Iterator[tuple[bool, str]]:
    """Say whether the past was read, which the first tick waits for; nothing where nobody knows it."""
    if health.recalled is not None:
        yield True, f"recall {health.recalled} moments of the past"
    elif health.leadership.is_leader and not health.is_ready:
        yield False, "recall not done yet"


def _ticks(health: Health) -> tuple[bool, str]:
    age_s = health.last_tick_age_s
    if age_s is None:
        return not health.leadership.is_leader, "ticks 0"
    return True, f"ticks {health.ticks}, the last took {health.last_tick_s:.2f} s and ended {age_s:.0f} s ago"


def _sources(sources: Sequence[SourceHealth], with_words: bool) -> Iterator[tuple[bool, str]]:
    well = sum(source.is_ok for source in sources)
    words = "".join(f"; {one.name}: {one.error}" for one in sources if not one.is_ok) if with_words else ""
    yield well == len(sources), f"sources {well} of {len(sources)} answer{words}"


def _writes(health: Health, with_words: bool) -> tuple[bool, str]:
    waiting = ", ".join(f"{name} {count}" for name, count in health.writes_queued.items()) or "none"
    longest_s = max(health.writes_waited_s.values(), default=0.0)
    words = f"writes waiting: {waiting}; the first for {longest_s:.0f} s; {health.writes_per_second:.1f}/s sent"
    if health.writes_held is None:
        return True, words
    return False, f"{words}; held back" + (f": {health.writes_held}" if with_words else "")


_MOST_NAMED = 20
