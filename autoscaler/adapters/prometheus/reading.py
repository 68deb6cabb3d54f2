"""One reading of one source: its queries, one after the other, and the columns they come to."""

import time
from collections.abc import Mapping

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.asking import Questioner, Readout
from autoscaler.adapters.prometheus.errors import AnswerError, ConnectError, UnscrapedError
from autoscaler.adapters.prometheus.messages import Adopt, Ask
from autoscaler.adapters.prometheus.segments import AttachedSegment
from autoscaler.adapters.prometheus.signals import Contribution, Rows, answered_by, columns_of, together
from autoscaler.adapters.prometheus.transport import Lines
from autoscaler.core.columns import Floats
from autoscaler.policy.evidence import weigh
from autoscaler.policy.profiles import Profile, SignalName


class Reader:
    """Reads one source again and again, over one kept connection. Not thread-safe, but for `lines`."""

    def __init__(self, adopt: Adopt, lines: Lines) -> None:
        self._settings = adopt.settings
        self._lines = lines
        self._questioner = Questioner(adopt.settings, lines, adopt.settings.max_bytes)
        self._segment: AttachedSegment | None = None
        self._gateways: tuple[tuple[Profile, Rows], ...] = ()

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
        """Let go of the memory."""
        if self._segment is not None:
            self._segment.close()

    def read(self, ask: Ask) -> Readout:
        """Ask the source everything and write the columns.

        Raises:
            SourceError: it gave nothing.
        """
        if self._segment is None:
            raise ConnectError("the source was not set up")
        deadline = time.monotonic() + ask.timeout_s
        series, is_sick, problems, parts = 0, True, [], []
        for number, (profile, rows) in enumerate(self._gateways):
            columns: Floats | None = None
            try:
                answers = {query.name: self._questioner.query(query.text, ask, deadline) for query in profile.queries}
                series += sum(len(answer) for answer in answers.values())
                columns = _columns(profile, rows, answers)
                is_sick = False
            except AnswerError as error:
                problems.append(f"gateway {number}: {error}")
                is_sick = is_sick and not isinstance(error, UnscrapedError)
            parts.append(Contribution(columns, rows.serves))
        self._segment.write(together(parts, self._segment.description.rows))
        if is_sick:
            raise AnswerError("; ".join(problems))
        return Readout(series, "; ".join(problems) or None)


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
