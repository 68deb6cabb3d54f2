"""Sees every write of every daemon, and says at once where one breaks a rule."""

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autoscaler.core.fleet import FunctionKey
from tests.deterministic.process import Process
from tests.deterministic.site import Site

OTHERS_IN_A_SECOND = 6
"""Writes of one function within a second that are no tight loop: a wake, raises that follow it, a lost one."""

NOISE = 1e-3
"""Part of a token that rounding may make up."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken.

    Attributes:
        rule: its name.
        at_s: virtual seconds.
        key: the function; None: of no single one.
        words: what happened.
    """

    rule: str
    at_s: float
    key: FunctionKey | None
    words: str

    def __str__(self) -> str:
        where = f" {self.key}" if self.key is not None else ""
        return f"{self.at_s:9.3f} s {self.rule}{where}: {self.words}"


@dataclass(frozen=True, slots=True)
class Write:
    """A write that was asked for: by which process, from which count of which object to which."""

    at_s: float
    process: Process
    key: FunctionKey
    uid: str
    old: int
    new: int


@dataclass(slots=True)
class _Answer:
    status: int
    until_s: float


@dataclass
class Observer:
    """The judge of a run.

    Attributes:
        judge: further rules of a write that is asked for; given the write, it returns what it breaks.
        writes: those that were applied.
        on_zero: told of a function as it is decided, and as it is written, that it goes to zero.
    """

    site: Site
    now_s: Callable[[], float]
    judge: Callable[[Write], Sequence[tuple[str, str]]]
    trace: Callable[[str], None]
    violations: list[Violation] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    on_zero: list[Callable[[FunctionKey], None]] = field(default_factory=list)
    asked_count: int = 0
    _writes_of: dict[FunctionKey, list[Write]] = field(default_factory=lambda: defaultdict(list))
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _in_flight: dict[tuple[int, FunctionKey], Write] = field(default_factory=dict)
    _answers: dict[tuple[int, FunctionKey, str], _Answer] = field(default_factory=dict)
    _recent: dict[tuple[int, FunctionKey], deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _tokens: dict[tuple[int, bool], tuple[float, float]] = field(default_factory=dict)

    def say(self, rule: str, key: FunctionKey | None, words: str) -> None:
        """Note a broken rule."""
        self.violations.append(Violation(rule, self.now_s(), key, words))

    def under_way(self, process: Process, key: FunctionKey) -> Write | None:
        """Give a process's write of a function that is not answered yet."""
        return self._in_flight.get((process.number, key))

    def writes_of(self, key: FunctionKey) -> Sequence[Write]:
        """Give the writes of one function that were applied, oldest first."""
        return self._writes_of[key]

    def last_to_zero(self, key: FunctionKey) -> Process | None:
        """Give who took a function to zero by the last write that was applied; None: that did something else."""
        last = self._writes_of[key][-1:]
        return last[0].process if last and last[0].new == 0 else None

    def asked(self, process: Process, key: FunctionKey, operations: Sequence[dict[str, object]]) -> Write:
        """Take note of a write on its way out of a process."""
        values = {(str(one["op"]), str(one["path"])): one["value"] for one in operations}
        write = Write(
            self.now_s(),
            process,
            key,
            str(values["test", "/metadata/uid"]),
            int(str(values["test", "/spec/replicas"] or 0)),
            int(str(values["add", "/spec/replicas"])),
        )
        self.asked_count += 1
        self._check_flight(write)
        self._check_rate(write)
        self._check_patience(write)
        for rule, words in self.judge(write):
            self.say(rule, key, words)
        self._in_flight[process.number, key] = write
        if write.new == 0:
            self.goes_to_zero(key)
        return write

    def goes_to_zero(self, key: FunctionKey) -> None:
        """Let those know who wait for it."""
        for listener in tuple(self.on_zero):
            listener(key)

    def answered(self, write: Write, status: int, retry_after_s: float | None) -> None:
        """Take note of an answer; status 0: there was none."""
        number, key = write.process.number, write.key
        if self._in_flight.get((number, key)) is write:
            del self._in_flight[number, key]
        self.trace(f"{write.process.name} writes {key} {write.old} -> {write.new}: {status or 'no answer'}")
        wait_s = {403: 1.0, 404: 30.0, 200: 0.0, 422: 0.0}.get(status, 0.3)
        until_s = self.now_s() + max(wait_s, retry_after_s or 0.0)
        self._answers[number, key, write.uid] = _Answer(status, until_s)

    def applied(self, process: Process, key: FunctionKey, uid: str, before: int, after: int) -> None:
        """Take note of a write that took effect: it must have known what it changed."""
        write = self._in_flight.get((process.number, key))
        self.digest.update(f"{self.now_s():.6f} {process.number} {key} {before} {after}\n".encode())
        if write is None:
            return
        if (write.uid, write.old) != (uid, before):
            self.say("compare-and-set", key, f"{write.uid} at {write.old} was meant, {uid} at {before} was changed")
        done = Write(self.now_s(), process, key, uid, before, after)
        self.writes.append(done)
        self._writes_of[key].append(done)

    def _check_flight(self, write: Write) -> None:
        if (write.process.number, write.key) in self._in_flight:
            self.say("one-in-flight", write.key, f"{write.process.name} sent a second write before the first ended")

    def _check_rate(self, write: Write) -> None:
        settings = self.site.settings.kubernetes
        is_wake = write.old == 0
        rate, burst = (
            (settings.wakes_per_second, settings.wake_burst)
            if is_wake
            else (settings.writes_per_second, settings.write_burst)
        )
        at, now_s = (write.process.number, is_wake), self.now_s()
        tokens, at_s = self._tokens.get(at, (float(burst), now_s))
        tokens = min(burst, tokens + (now_s - at_s) * rate)
        if tokens < 1 - NOISE:
            self.say("write-rate", write.key, f"more than {rate:g}/s with a burst of {burst}")
        self._tokens[at] = max(0.0, tokens - 1), now_s

    def _check_patience(self, write: Write) -> None:
        answer = self._answers.get((write.process.number, write.key, write.uid))
        if answer is not None and self.now_s() < answer.until_s - 1e-6:
            self.say(
                "back-off", write.key, f"asked again {answer.until_s - self.now_s():.3f} s early after {answer.status}"
            )
        recent = self._recent[write.process.number, write.key]
        recent.append(self.now_s())
        while recent[0] < self.now_s() - 1.0:
            recent.popleft()
        if len(recent) > OTHERS_IN_A_SECOND:
            self.say("tight-loop", write.key, f"{len(recent)} writes within a second")
