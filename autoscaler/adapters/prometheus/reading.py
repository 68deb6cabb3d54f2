"""One reading of one source: its queries, one after the other, and the columns they come to."""

import ssl
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

import requests
from prometheus_api_client import PrometheusConnect
from urllib3.exceptions import HTTPError

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.errors import AnswerError, ConnectError, DeadlineError, UnscrapedError
from autoscaler.adapters.prometheus.messages import Adopt, Ask
from autoscaler.adapters.prometheus.segments import AttachedSegment
from autoscaler.adapters.prometheus.signals import Contribution, Rows, answered_by, columns_of, together
from autoscaler.adapters.prometheus.transport import CheckingAdapter, Lines, session
from autoscaler.core.columns import Floats
from autoscaler.policy.evidence import weigh
from autoscaler.policy.profiles import Profile, SignalName
from autoscaler.policy.settings import SourceSettings

QUERY_LAG = 0.125
"""How far before now a query looks, in scrape intervals: a scrape that is still being stored is not yet missing."""


class Reader:
    """Reads one source again and again, over one kept connection. Not thread-safe, but for `lines`."""

    def __init__(self, settings: SourceSettings, lines: Lines) -> None:
        self._settings = settings
        self._lines = lines
        self._connect: PrometheusConnect | None = None
        self._segment: AttachedSegment | None = None
        self._gateways: tuple[tuple[Profile, Rows], ...] = ()

    def adopt(self, message: Adopt) -> None:
        """Take over the functions to read."""
        if self._segment is not None:
            self._segment.close()
        if message.settings != self._settings:
            self._settings, self._connect = message.settings, None
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

    def read(self, ask: Ask) -> tuple[int, str | None]:
        """Ask the source everything and write the columns.

        Returns:
            Number of series, and what was wrong with some of its gateways; None: nothing.

        Raises:
            SourceError: it gave nothing.
        """
        if self._segment is None:
            raise ConnectError("the source was not set up")
        deadline = time.monotonic() + ask.timeout_s
        connect = self._connection()
        series, is_sick, problems, parts = 0, True, [], []
        for number, (profile, rows) in enumerate(self._gateways):
            columns: Floats | None = None
            try:
                answers = {query.name: self._query(connect, query.text, ask, deadline) for query in profile.queries}
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
        return series, "; ".join(problems) or None

    def _connection(self) -> PrometheusConnect:
        """Give the kept connection, with credentials as their files say now."""
        settings = self._settings
        url = settings.url.rstrip("/")
        if self._connect is None:
            adapter = CheckingAdapter(self._lines, settings.max_bytes)
            made = session(adapter, _verify(settings), _certificate(settings))
            self._connect = PrometheusConnect(url, session=made)
            made.mount(url, adapter)  # it mounts an adapter of its own over ours, with retries
        self._connect.headers, self._connect.auth = _credentials(settings)
        return self._connect

    def _query(self, connect: PrometheusConnect, text: str, ask: Ask, deadline: float) -> list[Series]:
        """Send one query.

        Raises:
            SourceError: no whole answer.
        """
        left_s = deadline - time.monotonic()
        late = DeadlineError(f"no whole answer within {ask.timeout_s:g} s")
        if left_s <= 0:
            raise late
        time_s = ask.utc_s - QUERY_LAG * self._settings.scrape_interval
        params = {"time": f"{time_s:.3f}", "timeout": f"{ask.timeout_s:g}s", **self._settings.params}
        try:
            series: list[Series] = connect.custom_query(text, params=params, timeout=(left_s, left_s))
        except requests.Timeout:
            raise late from None
        except (requests.RequestException, HTTPError, HTTPException, OSError, ConnectError) as error:
            if time.monotonic() >= deadline:
                raise late from None
            raise _connect_error(error) from None
        return series


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


def _connect_error(error: Exception) -> ConnectError:
    """Say in our own words why there is no connection: the library's words hold the URL and the query."""
    if isinstance(error, ConnectError):
        return error
    if isinstance(error, requests.exceptions.SSLError):
        return ConnectError("TLS: no agreement, or a certificate that is not accepted")
    if isinstance(error, requests.ConnectionError):
        return ConnectError("cannot connect, or the connection broke")
    if isinstance(error, requests.exceptions.InvalidHeader):
        return ConnectError("a header or token holds a character that no header may have")
    return ConnectError(f"cannot ask ({type(error).__name__}); url, headers and tls files must be right")


def _credentials(settings: SourceSettings) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Give headers and basic authentication, from files as they are now: they are rotated under us."""
    headers, auth = dict(settings.headers), None
    if settings.bearer_token_file is not None:
        headers["Authorization"] = f"Bearer {_secret(settings.bearer_token_file, 'bearerTokenFile')}"
    if settings.password_file is not None:
        auth = (settings.username or "", _secret(settings.password_file, "passwordFile"))
    return headers, auth


def _secret(path: str, setting: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConnectError(f"{setting} cannot be read") from None


def _verify(settings: SourceSettings) -> str | bool:
    """Give the CA bundle: the one set, the system's, or the one that comes with the library."""
    paths = ssl.get_default_verify_paths()
    return settings.tls.ca_file or paths.cafile or paths.capath or True


def _certificate(settings: SourceSettings) -> tuple[str, str] | str | None:
    tls = settings.tls
    if tls.cert_file is None:
        return None
    return (tls.cert_file, tls.key_file) if tls.key_file is not None else tls.cert_file
