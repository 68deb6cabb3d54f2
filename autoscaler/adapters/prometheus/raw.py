"""Samples of the past as they were scraped: what `rate` and `increase` extrapolate from, without what they add to it.

A range in an instant query gives the samples within it. They are read stretch by stretch, each as long as an answer of
bounded size allows, so that a week of hundreds of functions needs no more memory than an hour of them.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.asking import in_ms
from autoscaler.adapters.prometheus.errors import AnswerError, DeadlineError, SourceError
from autoscaler.adapters.prometheus.spans import SpanQuestioner
from autoscaler.adapters.prometheus.transport import Lines
from autoscaler.core.columns import Floats
from autoscaler.policy.source_settings import SourceSettings

AIM = 250_000
"""Samples that are asked for at once, about: 7 MB of text, and 60 MB while they are parsed."""

FIRST_S = 300.0
"""Length of the first stretch, to see how many samples there are."""

FASTER = 8.0
"""Factor by which a stretch may be longer than the one before."""

LEAST_SCRAPES = 2.0
"""Scrape intervals that a stretch has at least."""

TOO_MUCH = ("(execution)", "(timeout)", "is larger than")
"""Words of errors that a shorter stretch may not meet: Prometheus's for `--query.max-samples` and `--query.timeout`, and ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What was scraped of one series within a stretch.

    Attributes:
        labels: its labels.
        times_s: `(samples,) float64` UTC seconds, ascending.
        values: `(samples,) float64`, finite.
    """

    labels: Mapping[str, str]
    times_s: Floats
    values: Floats


class RawReader:
    """Reads raw samples of one source; blocks while it does.

    Args:
        settings: the source; its `timeout` is the deadline of each question, its `maxBytes` bounds each answer.
        deadline: monotonic seconds by which everything must have been read.
    """

    def __init__(self, settings: SourceSettings, deadline: float) -> None:
        self._settings = settings
        self._deadline = deadline
        self._lines = Lines()
        self._asker = SpanQuestioner(settings, self._lines, settings.max_bytes)

    def close(self) -> None:
        """Close the connection."""
        self._asker.close()

    def stretches(
        self, selectors: Mapping[str, str], first_s: float, last_s: float
    ) -> Iterator[Mapping[str, list[Samples]]]:
        """Give what was scraped after one moment until another, stretch after stretch.

        Args:
            selectors: series to be read, such as `up{job="gateway"}`, by a name of the caller's.

        Raises:
            SourceError: no whole answer, however short the stretch.
        """
        least_s = LEAST_SCRAPES * self._settings.scrape_interval
        length_s = max(FIRST_S, least_s)
        while first_s < last_s:
            to_s = min(first_s + length_s, last_s)
            try:
                found = {name: self._between(text, first_s, to_s) for name, text in selectors.items()}
            except SourceError as error:
                if to_s - first_s <= least_s or not _is_too_much(error) or time.monotonic() >= self._deadline:
                    raise _refused(error, to_s - first_s) from None
                length_s = max((to_s - first_s) / 2, least_s)
                continue
            yield found
            samples = sum(len(one.times_s) for some in found.values() for one in some)
            wanted_s = (to_s - first_s) * AIM / max(samples, 1)
            length_s = max(min(wanted_s, FASTER * length_s), least_s)
            first_s = to_s

    def _between(self, selector: str, first_s: float, to_s: float) -> list[Samples]:
        timeout_s = self._settings.timeout
        deadline = min(time.monotonic() + timeout_s, self._deadline)
        cut = threading.Timer(timeout_s, self._lines.cut)  # a server that sends a byte a second trips no time-out
        cut.daemon = True
        cut.start()
        try:
            text = f"{selector}[{in_ms(to_s - first_s)}]"
            found = [_samples(one, first_s, to_s) for one in self._asker.raw(text, to_s, deadline)]
        except SourceError:
            self._asker.close()
            raise
        finally:
            cut.cancel()
        return [one for one in found if len(one.times_s)]


def _is_too_much(error: SourceError) -> bool:
    """Tell whether the same question about a shorter stretch may be answered."""
    return isinstance(error, DeadlineError) or any(words in str(error) for words in TOO_MUCH)


def _refused(error: SourceError, length_s: float) -> SourceError:
    """Name the limits that may be meant where even the shortest stretch is not answered."""
    if not _is_too_much(error):
        return error
    why = f"{error}, though it was asked for the samples of {length_s:g} s alone"
    return AnswerError(f"{why}; --query.max-samples and --query.timeout are its limits")


def _samples(series: Series, first_s: float, to_s: float) -> Samples:
    """Give the samples of a series after a moment until another: which ends are in a range, versions do not agree on.

    Raises:
        AnswerError: it is no such series.
    """
    try:
        labels = {str(name): str(value) for name, value in series["metric"].items()}
        points = series["values"]
        times_s = np.array([float(point[0]) for point in points], dtype=np.float64)
        values = np.array([float(point[1]) for point in points], dtype=np.float64)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise AnswerError("an element of the answer is no series of samples") from None
    if not np.all(np.isfinite(times_s)) or np.any(np.diff(times_s) <= 0):
        raise AnswerError("an element of the answer has samples that are not in the order of time")
    kept = (times_s > first_s) & (times_s <= to_s) & np.isfinite(values)
    return Samples(labels, times_s[kept], values[kept])
