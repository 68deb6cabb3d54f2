"""One reading of one source: its queries, one after the other, and the columns they come to."""

import time
from collections.abc import Iterator, Mapping

import numpy as np

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.asking import QUERY_LAG, Questioner, Readout
from autoscaler.adapters.prometheus.errors import AnswerError, ConnectError, UnscrapedError
from autoscaler.adapters.prometheus.messages import Adopt, Ask
from autoscaler.adapters.prometheus.segments import AttachedSegment
from autoscaler.adapters.prometheus.signals import Contribution, Rows, answered_by, columns_of, storing_s, together
from autoscaler.adapters.prometheus.spans import SpanQuestioner, vectors_of
from autoscaler.adapters.prometheus.transport import Lines
from autoscaler.core.columns import Floats
from autoscaler.policy.evidence import weigh
from autoscaler.policy.profiles import Profile, SignalName
from autoscaler.policy.settings import SourceSettings


class Reader:
    """Reads one source again and again, over one kept connection. Not thread-safe, but for `lines`."""

    def __init__(self, adopt: Adopt, lines: Lines) -> None:
        self._settings = adopt.settings
        self._lines = lines
        self._questioner = Questioner(adopt.settings, lines, adopt.settings.max_bytes)
        self._segment: AttachedSegment | None = None
        self._gateways: tuple[tuple[Profile, Rows], ...] = ()
        self._spans: SpanQuestioner | None = None

    def adopt(self, message: Adopt) -> None:
        """Take over the functions to read."""
        self.close()
        if message.settings != self._settings:
            self._settings = message.settings
            self._questioner = Questioner(message.settings, self._lines, message.settings.max_bytes)
        self._segment = AttachedSegment(message.segment)
        names, serves = self._segment.read_names(len(message.profiles))
        row_of = {name: row for row, name in enumerate(names)}
        self._gateways = tuple(
            (profile, Rows(row_of, profile, serves[index])) for index, profile in enumerate(message.profiles)
        )

    @property
    def version(self) -> int:
        """The layout that readings are written to."""
        return self._segment.description.version if self._segment else -1

    def close(self) -> None:
        """Let go of the memory, and of the connection that asked for the past."""
        if self._segment is not None:
            self._segment.close()
        if self._spans is not None:
            self._spans.close()
            self._spans = None

    def read(self, ask: Ask) -> Readout:
        """Ask the source everything and write the columns.

        Raises:
            SourceError: it gave nothing.
        """
        if self._segment is None:
            raise ConnectError("the source was not set up")
        deadline = time.monotonic() + ask.timeout_s
        moments = 1 if ask.past is None else ask.past.total
        series, is_sick, problems = 0, True, []
        parts: list[list[Contribution]] = [[] for _ in range(moments)]
        storing: list[float | None] = []
        for number, (profile, rows) in enumerate(self._gateways):
            found: list[Floats | None] = []
            try:
                answers = {query.name: self._ask(query.text, ask, deadline) for query in profile.queries}
                series += sum(len(answer) for answer in answers.values())
                for at in _moments(answers, ask, self._settings):
                    found.append(_columns(profile, rows, at) if ask.past is None else _columns_then(profile, rows, at))
                storing.append(storing_s(answers) if ask.past is None else None)
                is_sick = False
            except AnswerError as error:
                found.clear()
                storing.append(None)
                problems.append(f"gateway {number}: {error}")
                is_sick = is_sick and not isinstance(error, UnscrapedError)
            found += [None] * (moments - len(found))
            for place, columns in enumerate(found):
                parts[place].append(Contribution(columns, rows.serves))
        self._segment.write(np.concatenate([together(part, self._segment.description.rows) for part in parts]))
        known = [one for one in storing if one is not None]
        self._questioner.storing_takes(max(known) if len(known) == len(self._gateways) else None)
        if is_sick:
            raise AnswerError("; ".join(problems))
        return Readout(series, "; ".join(problems) or None)

    def _ask(self, text: str, ask: Ask, deadline: float) -> list[Series]:
        if ask.past is None:
            return self._questioner.query(text, ask, deadline)
        first_s, last_s = _span(ask, self._settings)
        return self._past_questioner().span(text, first_s, last_s, ask.past.step_s, deadline, ask.timeout_s)

    def _past_questioner(self) -> SpanQuestioner:
        if self._spans is None:
            self._spans = SpanQuestioner(self._settings, self._lines, self._settings.max_bytes)
        return self._spans


def _span(ask: Ask, settings: SourceSettings) -> tuple[float, float]:
    """Give the UTC seconds that are asked for first and last; they look into the past as every query does."""
    last_s = ask.utc_s - QUERY_LAG * settings.scrape_interval
    step_s, count = ask.past or (0.0, 1)
    return last_s - (count - 1) * step_s, last_s


def _moments(
    answers: Mapping[SignalName, list[Series]], ask: Ask, settings: SourceSettings
) -> Iterator[Mapping[SignalName, list[Series]]]:
    """Give the answers moment by moment.

    Raises:
        AnswerError: they are none of these moments.
    """
    if ask.past is None:
        yield answers
        return
    step_s, count = ask.past
    first_s, _ = _span(ask, settings)
    vectors = [vectors_of(series, first_s, step_s, count) for series in answers.values()]
    for at in zip(*vectors, strict=True):
        yield dict(zip(answers, at, strict=True))


def _columns_then(profile: Profile, rows: Rows, answers: Mapping[SignalName, list[Series]]) -> Floats | None:
    """Say what a gateway's answers of the past come to; None: nobody scraped it then."""
    try:
        return _columns(profile, rows, answers)
    except UnscrapedError:
        return None


def _columns(profile: Profile, rows: Rows, answers: Mapping[SignalName, list[Series]]) -> Floats:
    """Say what a gateway's answers come to.

    Raises:
        AnswerError: they are no samples.
        UnscrapedError: no target of the gateway was scraped.
    """
    answered = answered_by(rows, answers)
    if not answered.coverage.is_seen:
        raise UnscrapedError("no target of it is scraped (no series `up` matches)")
    return columns_of(weigh(profile, answered))
