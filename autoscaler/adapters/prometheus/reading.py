"""One reading of one source: its queries, one after the other, and the columns they come to."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.asking import QUERY_LAG, Questioner, Readout
from autoscaler.adapters.prometheus.errors import AnswerError, ConnectError, LargeError, SourceError, UnscrapedError
from autoscaler.adapters.prometheus.messages import Adopt, Ask, Unclear
from autoscaler.adapters.prometheus.segments import AttachedSegment
from autoscaler.adapters.prometheus.signals import Contribution, Rows, answered_by, columns_of, storing_s, together
from autoscaler.adapters.prometheus.spans import SpanQuestioner, vectors_of
from autoscaler.adapters.prometheus.transport import Lines
from autoscaler.core.columns import Bools, Floats
from autoscaler.policy.evidence import weigh
from autoscaler.policy.profiles import Profile, SignalName
from autoscaler.policy.source_settings import SourceSettings


class Reader:
    """Reads one source again and again, over one kept connection. Not thread-safe, but for `lines`."""

    def __init__(self, adopt: Adopt, lines: Lines) -> None:
        self._settings = adopt.settings
        self._lines = lines
        self._questioner = Questioner(adopt.settings, lines, adopt.settings.max_bytes)
        self._segment: AttachedSegment | None = None
        self._gateways: tuple[tuple[Profile, Rows], ...] = ()
        self._took_s = [0.0] * len(adopt.profiles)
        self._spans: SpanQuestioner | None = None

    def adopt(self, message: Adopt) -> None:
        """Take over the functions to read."""
        self.close()
        if message.settings != self._settings:
            self._settings = message.settings
            self._questioner.close()
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
        reading = _Reading(moments, len(self._gateways))
        for number in self._order():
            profile, rows = self._gateways[number]
            start = time.monotonic()
            try:
                answers = {query.name: self._ask(query.text, ask, deadline) for query in profile.queries}
                reading.took(number, answers, self._found(profile, rows, answers, ask))
                reading.doubts(number, rows.take_unclear())
            except AnswerError as error:
                reading.failed(number, error)
            except LargeError:
                raise
            except SourceError as error:
                reading.failed(number, error)
                if reading.is_sick:
                    raise
                break  # what was read stands; the rest was not at fault, and comes first the next time
            finally:
                self._took_s[number] = time.monotonic() - start
        parts = reading.parts([rows.serves for _, rows in self._gateways])
        self._lines.check_wanted()
        self._segment.write(np.concatenate([together(part, self._segment.description.rows) for part in parts]))
        self._questioner.storing_takes(reading.storing_s())
        if reading.is_sick:
            raise AnswerError(reading.problems())
        return Readout(reading.series, reading.problems() or None, unclear=tuple(reading.unclear))

    def _order(self) -> list[int]:
        """Give the gateways, those that were slow the last time after the others: time may run out."""
        return sorted(range(len(self._gateways)), key=lambda number: self._took_s[number])

    def _found(
        self, profile: Profile, rows: Rows, answers: Mapping[SignalName, list[Series]], ask: Ask
    ) -> list[Floats | None]:
        """Say what a gateway's answers come to at each moment.

        Raises:
            AnswerError: nothing that may be believed.
        """
        columns = _columns if ask.past is None else _columns_then
        return [columns(profile, rows, at) for at in _moments(answers, ask, self._settings)]

    def _ask(self, text: str, ask: Ask, deadline: float) -> list[Series]:
        if ask.past is None:
            return self._questioner.query(text, ask, deadline)
        first_s, last_s = _span(ask, self._settings)
        asker = self._past_questioner()
        return asker.span(text, first_s, last_s, ask.past.step_s, deadline, ask.timeout_s, ask.most_bytes)

    def _past_questioner(self) -> SpanQuestioner:
        if self._spans is None:
            self._spans = SpanQuestioner(self._settings, self._lines, self._settings.max_bytes)
        return self._spans


class _Reading:
    """What has come of a reading so far.

    Args:
        moments: how many it is of.
        gateways: how many there are; those of which nothing is said here were not asked.
    """

    def __init__(self, moments: int, gateways: int) -> None:
        self.series = 0
        self.is_sick = True
        self._found: list[list[Floats | None]] = [[None] * moments for _ in range(gateways)]
        self.unclear: list[Unclear] = []
        self._problems: dict[int, str] = {}
        self._storing: list[float | None] = []
        self._unasked = set(range(gateways))

    def took(self, number: int, answers: Mapping[SignalName, list[Series]], found: list[Floats | None]) -> None:
        """Keep what a gateway's answers came to.

        Raises:
            AnswerError: they are no samples.
        """
        self._unasked.discard(number)
        self._storing.append(storing_s(answers) if len(found) == 1 else None)
        self.series += sum(len(answer) for answer in answers.values())
        self._found[number] = found
        self.is_sick = False

    def doubts(self, number: int, functions: Sequence[str]) -> None:
        """Keep of which functions, `namespace/name`, some series may be another's.

        No failure of the source: one tenant's choice of a name is not to hide what ails the source of all.
        """
        counts = Counter(name.partition("/")[0] for name in functions)
        first = {name.partition("/")[0]: name for name in sorted(functions, reverse=True)}
        self.unclear += [Unclear(number, name, counts[namespace] - 1) for namespace, name in sorted(first.items())]

    def failed(self, number: int, error: SourceError) -> None:
        """Keep why nothing is known of a gateway."""
        self._unasked.discard(number)
        self._problems[number] = str(error)
        self.is_sick = self.is_sick and not isinstance(error, UnscrapedError)

    def parts(self, serves: Sequence[Bools]) -> list[list[Contribution]]:
        """Give, for each moment, each gateway's part."""
        return [
            [Contribution(one, whom) for one, whom in zip(at, serves, strict=True)]
            for at in zip(*self._found, strict=True)
        ]

    def problems(self) -> str:
        """Say which gateways are not known, and why; nothing where all are."""
        left = dict.fromkeys(self._unasked, "there was no time left to ask") | self._problems
        return "; ".join(f"gateway {number}: {left[number]}" for number in sorted(left))

    def storing_s(self) -> float | None:
        """Give the seconds that the slowest scrape of late took; None where not each gateway's answers say."""
        known = [one for one in self._storing if one is not None]
        return max(known) if len(known) == len(self._found) else None


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
