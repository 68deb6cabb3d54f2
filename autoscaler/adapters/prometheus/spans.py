"""A query over a span of the past, whole or not at all."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from autoscaler.adapters.prometheus.answers import Series, ranges_of
from autoscaler.adapters.prometheus.asking import Questioner, in_ms
from autoscaler.adapters.prometheus.errors import AnswerError, DeadlineError
from autoscaler.adapters.prometheus.transport import CheckingAdapter, Lines
from autoscaler.core.columns import Floats, Ints
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings

MOST_POINTS = 10_000
"""Steps asked for at once; Prometheus answers 11,000 at most."""


@dataclass(frozen=True, slots=True, eq=False)
class PastSeries:
    """One series of a span.

    Attributes:
        labels: its labels.
        values: `(steps,) float64`, at the end of each step; nan: none there, or one that is no finite number.
    """

    labels: Mapping[str, str]
    values: Floats


def read_span(settings: SourceSettings, query: str, start_s: int, end_s: int, step_s: int) -> list[PastSeries]:
    """Ask for the value of a query at the end of every step of a span.

    Args:
        settings: the source; its `timeout` is the deadline of the whole span.
        start_s: UTC seconds at which the first step begins.
        end_s: UTC seconds at which the last one ends, a multiple of `step_s` later.

    Raises:
        SourceError: no whole answer.
    """
    deadline = time.monotonic() + settings.timeout
    lines = Lines()
    cut = threading.Timer(settings.timeout, lines.cut)  # a server that sends a byte a second trips no time-out
    cut.daemon = True
    cut.start()
    try:
        asker = SpanQuestioner(settings, lines, settings.max_bytes)
        steps = (end_s - start_s) // step_s
        by_labels: dict[frozenset[tuple[str, str]], Floats] = {}
        for first, last in _stretches(steps):
            at_s = start_s + (first + 1) * step_s
            for one in asker.span(query, at_s, start_s + last * step_s, step_s, deadline):
                labels, places, values = _parsed(one, at_s, step_s, last - first)
                row = by_labels.setdefault(labels, np.full(steps, np.nan))
                row[first + places] = values
        return [PastSeries(dict(labels), values) for labels, values in by_labels.items()]
    finally:
        cut.cancel()
        asker.close()


def settings_of(url: str, **more: object) -> SourceSettings:
    """Give the settings of a source that is asked for a span alone, without gateways of its own."""
    return SourceSettings.model_validate({"url": url, "gateways": [GatewaySettings(profile="openfaas")], **more})


def vectors_of(series: Sequence[Series], first_s: float, step_s: float, count: int) -> Iterator[list[Series]]:
    """Give a range query's answer moment by moment, each as the answer of an instant query would be.

    One vector at a time: of 100,000 series over 20 moments all of them would take 600 MB.

    Args:
        series: as `ranges_of` gives them.
        first_s: UTC seconds of the first moment.
        count: how many moments there are, `step_s` seconds apart.

    Raises:
        AnswerError: a series is none, or has samples of other moments, or not in their order.
    """
    try:
        left = [(one["metric"], iter(one["values"])) for one in series]
        heads = [next(points, None) for _, points in left]
        for place in range(count):
            until_s = first_s + (place + 0.5) * step_s
            vector: list[Series] = []
            for number, point in enumerate(heads):
                if point is not None and point[0] < until_s:
                    metric, points = left[number]
                    vector.append({"metric": metric, "value": point})
                    heads[number] = next(points, None)
            yield vector
    except (KeyError, IndexError, TypeError, AttributeError):
        raise AnswerError("an element of the answer is no series of samples") from None
    if any(point is not None for point in heads):
        raise AnswerError("the answer has samples outside the span")


class _SpanAdapter(CheckingAdapter):
    """Reads answers of range queries."""

    def _series(self, body: bytes) -> list[Series]:
        return ranges_of(body)


class SpanQuestioner(Questioner):
    """Sends range queries."""

    def span(
        self,
        query: str,
        first_s: float,
        last_s: float,
        step_s: float,
        deadline: float,
        timeout_s: float | None = None,
        most_bytes: int | None = None,
    ) -> list[Series]:
        """Ask for the values from one moment to another, both included.

        Args:
            first_s: UTC seconds, to the millisecond; `last_s` is a multiple of `step_s` later.
            deadline: monotonic seconds.
            timeout_s: longest that the server may take; None: the source's own time-out.
            most_bytes: as in `Ask`.

        Raises:
            SourceError: no whole answer.
        """
        timeout_s = self._settings.timeout if timeout_s is None else timeout_s
        # The library writes whole seconds; what stands in `params` wins.
        times = {"start": f"{first_s:.3f}", "end": f"{last_s:.3f}"}
        params = {"timeout": in_ms(timeout_s), **times, **self._settings.params}
        first, last = datetime.fromtimestamp(first_s, UTC), datetime.fromtimestamp(last_s, UTC)
        try:
            return self._answered(
                lambda connect, left_s: connect.custom_query_range(
                    query, first, last, f"{step_s:.3f}", params=params, timeout=(left_s, left_s)
                ),
                timeout_s,
                deadline,
                most_bytes,
            )
        except AnswerError:
            if time.monotonic() >= deadline:  # an answer without a length is cut short, and then no JSON
                raise DeadlineError(f"no whole answer within {timeout_s:g} s") from None
            raise

    def raw(self, query: str, utc_s: float, deadline: float) -> list[Series]:
        """Ask for the samples of series as they were scraped: a selector with a range, as of a moment.

        Args:
            utc_s: UTC seconds, to the millisecond.
            deadline: monotonic seconds.

        Raises:
            SourceError: no whole answer.
        """
        timeout_s = self._settings.timeout
        params = {"time": f"{utc_s:.3f}", "timeout": in_ms(timeout_s), **self._settings.params}
        try:
            return self._answered(
                lambda connect, left_s: connect.custom_query(query, params=params, timeout=(left_s, left_s)),
                timeout_s,
                deadline,
            )
        except AnswerError:
            if time.monotonic() >= deadline:
                raise DeadlineError(f"no whole answer within {timeout_s:g} s") from None
            raise

    def _made_adapter(self) -> CheckingAdapter:
        return _SpanAdapter(self._lines, self._limits)


def _stretches(steps: int) -> Iterator[tuple[int, int]]:
    """Cut steps into what is asked for at once: positions of the first step and after the last."""
    for first in range(0, steps, MOST_POINTS):
        yield first, min(first + MOST_POINTS, steps)


def _parsed(series: Series, first_s: int, step_s: int, steps: int) -> tuple[frozenset[tuple[str, str]], Ints, Floats]:
    """Give labels of a series, the steps that it has values of, and the values.

    Raises:
        AnswerError: it is no such series.
    """
    try:
        labels = frozenset((str(name), str(value)) for name, value in series["metric"].items())
        points = series["values"]
        at_s = np.array([float(point[0]) for point in points], dtype=np.float64)
        values = np.array([float(point[1]) for point in points], dtype=np.float64)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise AnswerError("an element of the answer is no series of samples") from None
    if not np.all(np.isfinite(at_s)):
        raise AnswerError("an element of the answer is no series of samples")
    places = np.rint((at_s - first_s) / step_s).astype(np.int64)
    if np.any((places < 0) | (places >= steps)):
        raise AnswerError("the answer has samples outside the span")
    return labels, places, np.where(np.isfinite(values), values, np.nan)
