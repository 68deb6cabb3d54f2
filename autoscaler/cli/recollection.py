"""What `explain` says of the past: read from a decision log's files, or told by the daemon."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from autoscaler.adapters.decision_log.recall import changes, record_at
from autoscaler.cli.client import Json
from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.journal.step import JournalError
from autoscaler.core.now import Now
from autoscaler.policy.moments import format_moment, parse_moment
from autoscaler.policy.quantities import format_duration, parse_duration
from autoscaler.server import views

_OLD_S = 10.0
"""An answer older than this is said to be: a daemon decides every few seconds, so before the next it did not run."""


def from_files(folder: Path, key: FunctionKey, at: str | None, last: str | None) -> Json:
    """Answer from the files of a log, in the daemon's own form.

    Raises:
        NotSo: the log has nothing of it.
        WrongConfiguration: the folder cannot be read, or the time is none.
    """
    now_s = time.time()
    try:
        if at is not None:
            moment_s = parse_moment(at, now_s)
            return _at(folder, key, moment_s, now_s)
        return _last(folder, key, now_s - parse_duration(last), now_s)
    except ValueError as error:
        if isinstance(error, JournalError):
            raise WrongConfiguration(f"--log: {error}") from None
        option = f"--at {at}" if at is not None else f"--last {last}"
        raise WrongConfiguration(f"{option} is not understood; {error} is allowed") from None
    except OSError as error:
        raise WrongConfiguration(
            f"--log {folder} cannot be read: {error.strerror}; the folder of a decision log is allowed"
        ) from None


def _at(folder: Path, key: FunctionKey, moment_s: float, now_s: float) -> Json:
    record = record_at(folder, key, moment_s)
    if record is None:
        raise NotSo(f"{folder} has no decision on {key} at {format_moment(moment_s)} or before")
    return {"at_utc_s": moment_s, "decision": _shown(record, now_s)}


def _last(folder: Path, key: FunctionKey, since_s: float, now_s: float) -> Json:
    past = changes(folder, key, since_s, now_s)
    if not past.tenants:
        raise NotSo("\n".join([f"{folder} has no decision on {key} since {format_moment(since_s)}", *past.unreadable]))
    return {
        "since_utc_s": since_s,
        "read_from_utc_s": past.from_utc_s,
        "is_whole": past.is_whole,
        "lost_steps": past.lost,
        "unreadable": list(past.unreadable),
        "decisions": [_shown(record, now_s) for record in past.records],
    }


def _shown(record: DecisionRecord, now_s: float) -> Json:
    age_s = now_s - record.at.utc_s
    return views.record(record, Now(record.at.monotonic_s + age_s, now_s))


def past_lines(found: Json, title: Callable[[Json], str], sentences: Callable[[Json], Sequence[str]]) -> Sequence[str]:
    """Say an answer in lines.

    Args:
        title: gives the line that heads a decision.
        sentences: gives its account.
    """
    if "decision" in found:
        decision = found["decision"]
        before_s = found["at_utc_s"] - decision["decided_utc_s"]
        old = f", {before_s:.0f} s before the time asked for" if before_s > _OLD_S else ""
        when = f"Decided at {format_moment(decision['decided_utc_s'])}{old}."
        return [title(decision), f"  {when}", *sentences(decision)]
    lines: list[str] = []
    for decision in found["decisions"]:
        change = f"{decision['requested']} → {decision['desired']}, {decision['reason']}"
        lines += [f"{format_moment(decision['decided_utc_s'])}  {change}", *sentences(decision)]
    return [*(lines or ["Nothing changed."]), *_caveats(found)]


def _caveats(found: Json) -> list[str]:
    """Say what the answer does not cover: silence there is no calm."""
    since_s, from_s = found["since_utc_s"], found["read_from_utc_s"]
    if from_s is None:
        return [f"The log has no file that reaches back to {format_moment(since_s)} or later."]
    lines = []
    if from_s > since_s + 1.0:
        missing = format_duration(round(from_s - since_s))
        why = "the log begins then" if found["is_whole"] else "there was no time, or no room, for more; --log reads all"
        lines.append(f"Read from {format_moment(from_s)} on, so {missing} of the stretch are not covered: {why}.")
    if found["lost_steps"]:
        lines.append(f"{found['lost_steps']} steps within it are in no file: the disk was too slow, full or away.")
    return [*lines, *(f"Not read: {one}" for one in found["unreadable"])]
