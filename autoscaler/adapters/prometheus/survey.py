"""Asking one Prometheus a few questions and waiting for the answers: for commands, which are in nobody's way."""

import threading
import time
from types import TracebackType

import orjson
import requests
from prometheus_api_client import PrometheusConnect

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.asking import Questioner
from autoscaler.adapters.prometheus.errors import AnswerError, SourceError
from autoscaler.adapters.prometheus.messages import Ask
from autoscaler.adapters.prometheus.transport import CheckingAdapter, Lines
from autoscaler.policy.source_settings import SourceSettings

_TIME_AND_VALUE = 2


class Survey:
    """A connection to one source over which questions are asked one after the other; blocks while one is answered.

    Args:
        settings: the source; its `timeout` is the deadline of each question, its `maxBytes` bounds each answer.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._lines = Lines()
        self._questioner = Questioner(settings, self._lines, settings.max_bytes, takes_scalars=True)
        self._configurations = _ConfigurationQuestioner(settings, self._lines, settings.max_bytes)

    def __enter__(self) -> "Survey":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._questioner.close()
        self._configurations.close()

    def configuration(self) -> str | None:
        """Ask for the server's own configuration, YAML; None: it does not tell (Thanos, Mimir, a proxy before it)."""
        try:
            return self._configurations.text(time.monotonic() + self._settings.timeout)
        except SourceError:
            return None
        finally:
            self._configurations.close()

    def ask(self, promql: str, utc_s: float | None = None) -> list[Series]:
        """Ask an instant query; a scalar is one series without labels.

        Args:
            utc_s: as of then, UTC seconds; None: as of now. Either way a little before, as ticks ask.

        Raises:
            SourceError: no whole answer; the next question gets a connection of its own.
        """
        timeout_s = self._settings.timeout
        ask = Ask("survey", 0, time.time() if utc_s is None else utc_s, timeout_s)
        cut = threading.Timer(timeout_s, self._lines.cut)  # a server that sends a byte a second trips no time-out
        cut.daemon = True
        cut.start()
        try:
            return _whole(self._questioner.query(promql, ask, time.monotonic() + timeout_s))
        except SourceError:
            self._questioner.close()
            raise
        finally:
            cut.cancel()


class _ConfigurationAdapter(CheckingAdapter):
    """Reads the answer of a server that tells its configuration, as one series with a text."""

    def _series(self, body: bytes) -> list[Series]:
        try:
            document = orjson.loads(body)
            text = document["data"]["yaml"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise AnswerError("the answer is no configuration") from None
        return [{"text": str(text)}]


class _ConfigurationQuestioner(Questioner):
    """Asks for a server's configuration."""

    def text(self, deadline: float) -> str:
        """Give it.

        Args:
            deadline: monotonic seconds.

        Raises:
            SourceError: it is not told.
        """
        (found,) = self._answered(self._sent, self._settings.timeout, deadline)
        return str(found["text"])

    def _sent(self, connect: PrometheusConnect, left_s: float) -> list[Series]:
        session = self._session or requests.Session()
        url = f"{connect.url}/api/v1/status/config"
        answer = session.get(url, headers=connect.headers, auth=connect.auth, timeout=(left_s, left_s))
        found: list[Series] = answer.json()["data"]["result"]
        return found

    def _made_adapter(self) -> CheckingAdapter:
        return _ConfigurationAdapter(self._lines, self._limits)


def _whole(series: list[Series]) -> list[Series]:
    """Give series as they are, whoever reads them may take each for one.

    Raises:
        AnswerError: one of them has no labels, or no time and value.
    """
    if all(map(_is_series, series)):
        return series
    raise AnswerError("the answer holds what is no series")


def _is_series(series: object) -> bool:
    labels, value = (series.get("metric"), series.get("value")) if isinstance(series, dict) else (None, None)
    if not isinstance(labels, dict) or not all(isinstance(label, str) for label in labels.values()):
        return False
    return isinstance(value, list) and len(value) == _TIME_AND_VALUE and _is_number(value[1])


def _is_number(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
