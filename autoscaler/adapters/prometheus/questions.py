"""One party's questions to a source, one after the other, and the columns their answers come to."""

import time
from collections.abc import Callable, Sequence
from enum import IntEnum

import numpy as np

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.asking import Questioner, Readout
from autoscaler.adapters.prometheus.elements import Elements
from autoscaler.adapters.prometheus.errors import AnswerError, ConnectError, LargeError, SourceError, UnclearError
from autoscaler.adapters.prometheus.messages import AdoptQuestions, Ask, Kind, Outcome, Question
from autoscaler.adapters.prometheus.segments import AttachedSegment
from autoscaler.adapters.prometheus.transport import Lines
from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.further import Names

Answering = Callable[[str], list[Series]]
"""Asks a query; raises `SourceError`."""


class Told(IntEnum):
    """The columns that questions hand back, `(columns, rows) float64`; nan: unknown.

    VALUE: the metric.
    PODS: how many pods it is the sum of; nan: it is not one of pods.
    ACTIVITY: what the activity query says.
    """

    VALUE = 0
    PODS = 1
    ACTIVITY = 2


class QuestionReader:
    """Asks one party's questions again and again, over one kept connection. Not thread-safe, but for `lines`."""

    def __init__(self, adopt: AdoptQuestions, lines: Lines) -> None:
        self._lines = lines
        self._questioner = Questioner(adopt.settings, lines, adopt.max_bytes, takes_scalars=True)
        self._segment: AttachedSegment | None = None
        self._columns: Floats = np.empty((len(Told), 0))
        self._asked: list[_Asked] = []

    @property
    def version(self) -> int:
        """The layout that answers are written to."""
        return self._segment.description.version if self._segment else -1

    def adopt(self, message: AdoptQuestions) -> None:
        """Take over the questions, and the functions that each is asked for."""
        self.close()
        self._segment = AttachedSegment(message.segment)
        names, _ = self._segment.read_names(0)
        self._columns = np.full((len(Told), len(names)), np.nan)
        self._asked, start = [], 0
        for question in message.questions:
            end = start + question.rows
            keys = [FunctionKey(*name.split("/", 1)) for name in names[start:end]]
            self._asked.append(_Asked(question, keys, message.default_namespace, self._columns[:, start:end]))
            start = end

    def close(self) -> None:
        """Let go of the memory."""
        if self._segment is not None:
            self._segment.close()

    def read(self, ask: Ask) -> Readout:
        """Ask the questions that are due and write what the answers say.

        The same text is sent once. When the source cannot answer, or time is up, the rest is not asked: it was not at
        fault, and comes first the next time.

        Raises:
            LargeError: an answer is to be asked for elsewhere.
            SourceError: nothing was set up.
        """
        if self._segment is None:
            raise ConnectError("the questions were not set up")
        deadline = time.monotonic() + ask.timeout_s
        answers: dict[str, list[Series]] = {}

        def answer(text: str) -> list[Series]:
            if text not in answers:
                answers[text] = self._questioner.query(text, ask, deadline)
            return answers[text]

        outcomes: list[Outcome] = []
        for number in ask.questions:
            start = time.monotonic()
            try:
                problem, did_fail = self._asked[number].fill(answer)
            except LargeError:
                raise
            except SourceError as error:
                outcomes.append(Outcome(number, str(error), True, time.monotonic() - start))
                break
            outcomes.append(Outcome(number, problem, did_fail, time.monotonic() - start))
        self._lines.check_wanted()
        self._segment.write(self._columns)
        return Readout(sum(len(series) for series in answers.values()), None, tuple(outcomes))


class _Asked:
    """One question, the functions that ask it, and their rows."""

    def __init__(
        self, question: Question, keys: Sequence[FunctionKey], default_namespace: str | None, columns: Floats
    ) -> None:
        names = Names(keys, default_namespace)
        self._question = question
        self._elements = Elements(names)
        self._columns = columns
        self._places: Ints = np.array([names.place(key) for key in keys], dtype=np.int64)

    def fill(self, answer: Answering) -> tuple[str | None, bool]:
        """Ask, and write the columns; where one of the two queries says nothing, the other is asked all the same.

        Returns:
            Why something is unknown (None: nothing is), and whether an answer was one that may not be believed.

        Raises:
            SourceError: the source cannot answer, or time is up.
        """
        self._columns[:] = np.nan
        problems: list[str] = []
        did_fail = False
        for fill, what in ((self._fill_value, ""), (self._fill_activity, "activity: ")):
            try:
                problem = fill(answer)
            except UnclearError as error:
                problem = str(error)
            except AnswerError as error:
                problem, did_fail = str(error), True
            problems += [f"{what}{problem}"] if problem is not None else []
        return "; ".join(problems) or None, did_fail

    def _fill_value(self, answer: Answering) -> str | None:
        series, problem = answer(self._question.query), None
        if self._question.kind is Kind.PODS:
            values, pods = self._elements.pods(series)
            self._columns[Told.PODS] = pods[self._places]
        elif self._question.kind is Kind.FUNCTIONS:
            values = self._elements.functions(series)
        else:
            values, problem = self._elements.own(series)
        self._columns[Told.VALUE] = values[self._places]
        return problem

    def _fill_activity(self, answer: Answering) -> str | None:
        if self._question.activity is None:
            return None
        values, problem = self._elements.own(answer(self._question.activity))
        self._columns[Told.ACTIVITY] = values[self._places]
        return problem
