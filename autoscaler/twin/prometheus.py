"""The subset of the Prometheus HTTP API that a gateway profile's queries need, over one measurement."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import fields
from enum import Enum
from math import isnan
from typing import Any

import numpy as np
import orjson
from aiohttp import web

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.evidence import Coverage
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.measurement import Answers, Measurement
from autoscaler.twin.clock import Clock
from autoscaler.twin.queries import Recognised, recognise

_Series = Iterator[tuple[dict[str, str], float]]


class Mode(Enum):
    """How the server behaves."""

    ANSWERS = "answers"
    SILENT = "silent"  # takes connections and says nothing; nothing is scraped either
    UNAVAILABLE = "unavailable"  # 503
    EMPTY = "empty"  # answers, but has no series at all


class PrometheusApi:
    """Answers exactly the queries of profile `openfaas`, 422 to the rest.

    Args:
        measurement: what was scraped.
        keys: the functions that the gateway knows now.
        clock: tells when now is.
        origin_utc_s: UTC seconds of the measurement's second 0.
        target: labels that every scraped series carries.
    """

    def __init__(
        self,
        measurement: Measurement,
        keys: Callable[[], tuple[FunctionKey, ...]],
        clock: Clock,
        *,
        origin_utc_s: float,
        target: dict[str, str],
    ) -> None:
        self._measurement = measurement
        self._keys = keys
        self._clock = clock
        self._origin_utc_s = origin_utc_s
        self._target = target
        self._mode = Mode.ANSWERS
        self._is_talking = asyncio.Event()
        self._is_talking.set()
        self.queries = 0

    @property
    def mode(self) -> Mode:
        return self._mode

    def turn(self, mode: Mode) -> None:
        """Behave so from now on; who was kept waiting in silence is answered when it ends."""
        self._mode = mode
        if mode is Mode.SILENT:
            self._is_talking.clear()
        else:
            self._is_talking.set()

    def application(self) -> web.Application:
        """Give the application to serve."""
        app = web.Application()
        app.router.add_get("/api/v1/query", self._query)
        app.router.add_post("/api/v1/query", self._query)
        app.router.add_get("/-/ready", self._ready)
        return app

    async def _ready(self, request: web.Request) -> web.Response:
        await self._is_talking.wait()
        if self._mode is Mode.UNAVAILABLE:
            return web.Response(status=503, text="Service Unavailable")
        return web.Response(text="Prometheus Server is Ready.\n")

    async def _query(self, request: web.Request) -> web.Response:
        self.queries += 1
        await self._is_talking.wait()
        if self._mode is Mode.UNAVAILABLE:
            return _error(503, "unavailable", "the twin was told to be unavailable")
        asked = {**request.query, **await request.post()} if request.method == "POST" else request.query
        text, time = asked.get("query"), asked.get("time")
        if not isinstance(text, str) or not text:
            return _error(400, "bad_data", 'invalid parameter "query": 1:1: parse error: no expression found in input')
        try:
            utc_s = float(time) if isinstance(time, str) else self._clock.now().utc_s
        except ValueError:
            return _error(400, "bad_data", f'invalid parameter "time": cannot parse {time!r} to a valid timestamp')
        query = recognise(text, self._measurement.interval_s)
        range_s = self._measurement.range_s
        if query is None or (query.range_s or range_s) != range_s:
            allowed = f"the queries of profile openfaas over a range of {format_duration(range_s)}"
            return _error(422, "execution", f"the twin answers {allowed}, and nothing else: {text!r}")
        return _vector(self._series(query, utc_s - self._origin_utc_s), utc_s)

    def _series(self, query: Recognised, at_s: float) -> _Series:
        """Give the series of an answer; other targets than the twin's have none."""
        is_ours = all(self._target.get(name, "") == value for name, value in query.match.items())
        if self._mode is Mode.EMPTY or not is_ours:
            return
        answers = self._measurement.answers(self._keys(), at_s)
        if query.signal == "proof":
            yield from _proof(answers)
        else:
            column: Floats = getattr(answers, query.signal)
            yield from _named(answers.keys, column, {})


def _proof(answers: Answers) -> _Series:
    yield from _named(answers.keys, answers.moved, {"signal": "moved"})
    yield from _named(answers.keys, answers.born, {"signal": "born"})
    yield from _named(answers.keys, answers.alive, {"signal": "alive"})
    if isnan(answers.up):
        return  # nothing was ever scraped within the range, so nothing can be said of it
    for name in (one.name for one in fields(Coverage) if hasattr(answers, one.name)):
        value: float = getattr(answers, name)
        if not isnan(value):
            yield {"signal": name}, value


def _named(keys: tuple[FunctionKey, ...], column: Floats, labels: dict[str, str]) -> _Series:
    for key, value in zip(keys, column.tolist(), strict=True):
        if not isnan(value):  # else there is no such series
            yield {"function_name": f"{key.name}.{key.namespace}", **labels}, value


def _vector(series: _Series, utc_s: float) -> web.Response:
    result = [{"metric": labels, "value": [round(utc_s, 3), _text(value)]} for labels, value in series]
    return _json({"status": "success", "data": {"resultType": "vector", "result": result}}, 200)


def _text(value: float) -> str:
    """Write a number as Prometheus does: shortest, without an exponent."""
    return str(np.format_float_positional(value, trim="-"))


def _error(status: int, kind: str, words: str) -> web.Response:
    return _json({"status": "error", "errorType": kind, "error": words}, status)


def _json(body: dict[str, Any], status: int) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
