"""Asking one Prometheus, over one kept connection, in words of our own where it fails."""

import time
from collections.abc import Callable
from http.client import HTTPException
from typing import NamedTuple

import requests
from prometheus_api_client import PrometheusConnect
from urllib3.exceptions import HTTPError

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.credentials import Stamp, credentials, stamp, trust
from autoscaler.adapters.prometheus.errors import ConnectError, DeadlineError
from autoscaler.adapters.prometheus.messages import Ask, Outcome, Unclear
from autoscaler.adapters.prometheus.transport import CheckingAdapter, Limits, Lines, session
from autoscaler.policy.source_settings import SourceSettings

QUERY_LAG = 0.125
"""How far before now a query looks at most, in scrape intervals: a scrape that is still being stored is not yet
missing. So far it looks where nobody says how long scrapes take, and into the past."""

_LEAST_LAG_S = 0.25
_STORING_MARGIN = 1.5


class Readout(NamedTuple):
    """What a reading came to, as in `Answer`."""

    series: int = 0
    error: str | None = None
    outcomes: tuple[Outcome, ...] = ()
    unclear: tuple[Unclear, ...] = ()


class Questioner:
    """Sends queries to one source. Not thread-safe, but for `lines`.

    Args:
        settings: the source.
        lines: where open connections are remembered.
        max_bytes: largest answer read.
        takes_scalars: whether an answer may be a scalar, which is then one series without labels.
    """

    def __init__(self, settings: SourceSettings, lines: Lines, max_bytes: int, takes_scalars: bool = False) -> None:
        self._settings = settings
        self._lines = lines
        self._limits = Limits(max_bytes)
        self._takes_scalars = takes_scalars
        self._adapter: CheckingAdapter | None = None
        self._connect: PrometheusConnect | None = None
        self._session: requests.Session | None = None
        self._stamp: Stamp = ()
        self._lag_s = QUERY_LAG * settings.scrape_interval

    def storing_takes(self, seconds: float | None) -> None:
        """Look no further into the past than scrapes need, from the next tick on: load is seen that much sooner.

        Args:
            seconds: what the slowest scrape of late took; None: not known.
        """
        most_s = QUERY_LAG * self._settings.scrape_interval
        self._lag_s = most_s if seconds is None else min(most_s, max(_LEAST_LAG_S, _STORING_MARGIN * seconds))

    def close(self) -> None:
        """Close the connection."""
        self._hang_up()

    def query(self, text: str, ask: Ask, deadline: float) -> list[Series]:
        """Send one query, with credentials as their files say now.

        Args:
            deadline: monotonic seconds.

        Raises:
            SourceError: no whole answer.
        """
        time_s = ask.utc_s - self._lag_s
        params = {"time": f"{time_s:.3f}", "timeout": in_ms(ask.timeout_s), **self._settings.params}
        return self._answered(
            lambda connect, left_s: connect.custom_query(text, params=params, timeout=(left_s, left_s)),
            ask.timeout_s,
            deadline,
            ask.most_bytes,
        )

    def _answered(
        self,
        send: Callable[[PrometheusConnect, float], list[Series]],
        timeout_s: float,
        deadline: float,
        most_bytes: int | None = None,
    ) -> list[Series]:
        """Send a query over the kept connection, and say in our own words why there is no whole answer.

        Args:
            send: sends it, given the seconds that are left.
            most_bytes: as in `Ask`.

        Raises:
            SourceError: no whole answer.
        """
        self._limits.here = most_bytes
        connect = self._connection()
        left_s = deadline - time.monotonic()
        late = DeadlineError(f"no whole answer within {timeout_s:g} s")
        if left_s <= 0:
            raise late
        try:
            return send(connect, left_s)
        except requests.Timeout:
            raise late from None
        except (requests.RequestException, HTTPError, HTTPException, OSError, ConnectError) as error:
            if time.monotonic() >= deadline:
                raise late from None
            raise _connect_error(error) from None

    def _made_adapter(self) -> CheckingAdapter:
        return CheckingAdapter(self._lines, self._limits, self._takes_scalars)

    def _connection(self) -> PrometheusConnect:
        """Give the kept connection, or a new one where its certificates have changed since; with credentials of now.

        Raises:
            ConnectError: a file cannot be used.
        """
        state = stamp(self._settings.tls)
        if self._connect is None or state != self._stamp:
            self._hang_up()
            self._connect = self._connected()
            self._stamp = state
        self._connect.headers, self._connect.auth = credentials(self._settings)
        return self._connect

    def _connected(self) -> PrometheusConnect:
        url = self._settings.url.rstrip("/")
        verify, cert = trust(self._settings.tls)
        self._adapter = self._made_adapter()
        made = session(self._adapter, verify, cert)
        connect = PrometheusConnect(url, session=made)
        self._session = made
        made.mount(url, self._adapter)  # it mounts an adapter of its own over ours, with retries
        return connect

    def _hang_up(self) -> None:
        if self._adapter is not None:
            self._adapter.close()
        self._adapter = self._connect = self._session = None


def in_ms(seconds: float) -> str:
    """Write a duration as Prometheus reads it: 2.5s is none to it."""
    return f"{max(1, round(seconds * 1_000))}ms"


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
