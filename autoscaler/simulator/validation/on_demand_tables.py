"""An instance for each request that finds none idle: closed forms, golden points, another simulator."""

from collections.abc import Iterator
from functools import partial
from math import exp, inf

import numpy as np

from autoscaler.simulator.laws import Constant, Exponential, Law, Lognormal
from autoscaler.simulator.per_request.one_function import Account, OneFunction, replay
from autoscaler.simulator.validation.check import Check, by_errors, by_precision, exactly, reported
from autoscaler.simulator.validation.estimates import Estimate, ratio_of
from autoscaler.simulator.validation.formulas import erlang_b, erlang_c, mean_wait_s, poisson, set_up_queue
from autoscaler.simulator.validation.long_runs import LongRun, long_run
from autoscaler.simulator.validation.reference import AWS, GOLDEN, GoldenPoint, golden_points, lambda_runs
from autoscaler.simulator.validation.setting import Case, Setting, Table, once

REQUESTS = 4e6
"""Of a full run of one point."""

SHORT_REQUESTS = REQUESTS / 4
"""Of one whose requests are nearly independent."""

LIFESPANS = 8.0
"""Batches are at least so many lifespans of an instance long: what one batch leaves to the next is then little."""

HALF_DIGIT = 5e-6
"""The golden instance counts are rounded to five decimals."""

SOON = 1e-9
"""Seconds: a keep-alive that keeps nothing, a service that takes no time."""

LOAD = 0.9 * 1.991
"""Of the canonical example: requests/s times seconds."""

SIMFAAS_SEEDS = 10
"""Runs that the figures of SimFaaS are means of."""

SetUpCase = tuple[str, float, Law, float, Law, float, float]

SET_UP_CASES: tuple[SetUpCase, ...] = (
    ("0.05/s, exp 2 s, start 5 s, kept 30 s", 0.05, Exponential(2.0), 8.0, Constant(5.0), 25.0, 30.0),
    ("0.05/s, exp 2 s, start exp 5 s, kept 0 s", 0.05, Exponential(2.0), 8.0, Exponential(5.0), 50.0, 0.0),
    ("0.2/s, exp 2 s, start 5 s, kept 10 s", 0.2, Exponential(2.0), 8.0, Constant(5.0), 25.0, 10.0),
    ("0.2/s, 2 s, start 5 s, kept 10 s", 0.2, Constant(2.0), 4.0, Constant(5.0), 25.0, 10.0),
    ("0.01/s, exp 2 s, start 5 s, kept 60 s", 0.01, Exponential(2.0), 8.0, Constant(5.0), 25.0, 60.0),
)
"""Name, requests/s, service, mean of its square, start-up, mean of its square, keep-alive."""

QUEUES = ((0.9, 1.991, 2), (0.9, 1.991, 3), (0.9, 1.991, 4), *((10.0, 0.5, c) for c in (6, 7, 8, 10)))
FAST_QUEUES = tuple((100.0, 0.2, places) for places in (22, 25, 30))
"""Requests/s, mean service, places."""


def golden(setting: Setting) -> Iterator[Case]:
    """Compare one function under a fixed keep-alive with runs of ten million requests and more."""
    for point in golden_points(setting.lines(GOLDEN)):
        if not point.rejected:
            yield partial(_golden, point)


def _golden(point: GoldenPoint, setting: Setting) -> Iterator[Check]:
    law = Exponential if point.is_exponential else Constant
    spoken = "" if point.is_exponential else ", constant service"
    name = f"{point.rate:g}/s, kept {point.keep_alive_s:g} s{spoken}"
    function = OneFunction(
        rate=point.rate,
        service=law(point.warm_s),
        cold_service=law(point.cold_s),
        keep_alive_s=point.keep_alive_s,
        generator=setting.generator("golden", name),
    )
    run = long_run(function, REQUESTS * setting.share, point.rate, least_batch_s=_lifespans_s(point))
    yield by_errors(f"{name}: P(cold)", point.cold.value, run.per_request("cold"), expected_error=point.cold.error)
    for what, expected, got in (
        ("instances", point.instances, run.per_second("busy_s", "idle_s")),
        ("busy", point.busy, run.per_second("busy_s")),
    ):
        yield by_errors(f"{name}: {what}", expected.value, got, expected_error=expected.error, slack=HALF_DIGIT)


def simfaas(setting: Setting) -> Iterator[Check]:
    """Compare with SimFaaS 0.2.2 on its own example: means of ten seeds."""
    function = _canonical(setting, "simfaas")
    run = long_run(function, 2 * REQUESTS * setting.share, 0.9, least_batch_s=LIFESPANS * 6_420)
    spread = SIMFAAS_SEEDS**-0.5
    yield by_errors("P(cold)", 0.001337, run.per_request("cold"), expected_error=0.000038 * spread)
    yield by_errors("lifespan s", 6_420, _lifespan(run), expected_error=175 * spread)
    yield by_errors("instances", 7.6953, run.per_second("busy_s", "idle_s"), expected_error=0.0231 * spread)
    yield by_errors("busy", 1.7919, run.per_second("busy_s"), expected_error=0.0024 * spread)
    yield by_errors("idle", 5.9034, run.per_second("idle_s"), expected_error=0.0237 * spread)


def caps(setting: Setting) -> Iterator[Case]:
    """Compare a cap with rejection: a loss system, insensitive to the law of the service."""
    for point in golden_points(setting.lines(GOLDEN)):
        if point.rejected:
            yield partial(_cap, point)
    yield partial(_insensitive, "constant", Constant(1.991))
    yield partial(_insensitive, "lognormal", Lognormal(1.991, 2.0))
    yield _thousand


def _cap(point: GoldenPoint, setting: Setting) -> Iterator[Check]:
    cap = point.cap
    run = _capped(setting, 0.9, Exponential(1.991), cap)
    rejected = run.per_request("rejected")
    yield by_errors(f"cap {cap}: rejected", erlang_b(LOAD, cap), rejected)
    error = (point.rejected * (1 - point.rejected) / point.requests) ** 0.5 * 2  # rejections come in runs
    yield by_errors(f"cap {cap}: rejected, golden", point.rejected, rejected, expected_error=error)
    yield by_errors(f"cap {cap}: busy", LOAD * (1 - erlang_b(LOAD, cap)), run.per_second("busy_s"))


def _insensitive(spoken: str, law: Law, setting: Setting) -> Iterator[Check]:
    rejected = _capped(setting, 0.9, law, 3).per_request("rejected")
    yield by_errors(f"cap 3, {spoken} service: rejected", erlang_b(LOAD, 3), rejected)


def _thousand(setting: Setting) -> Iterator[Check]:
    run = _capped(setting, 1_000.0, Exponential(2.016), 1_000)
    yield by_errors("1000/s, 2.016 s, cap 1000: rejected", erlang_b(2_016, 1_000), run.per_request("rejected"))
    yield reported("1000/s, 2.016 s, cap 1000: rejected", 0.5039, run.per_request("rejected").mean, "SimFaaS, 1,000 s")


def closed(_setting: Setting) -> Iterator[Case]:
    """Compare with what is known without simulating."""
    for silences in (0.1, 1.0, 2.0, 5.0):
        yield partial(_no_service, silences)
    yield partial(_infinite, "exponential", Exponential(1.991))
    yield partial(_infinite, "constant", Constant(1.991))
    yield partial(_infinite, "lognormal", Lognormal(1.991, 2.0))
    yield _periodic
    yield _gaps


def _no_service(silences: float, setting: Setting) -> Iterator[Check]:
    """Requests that take no time: each is cold whose gap is longer than the keep-alive."""
    function = OneFunction(
        rate=1.0, service=Constant(SOON), keep_alive_s=silences, generator=setting.generator("closed", f"{silences:g}")
    )
    run = long_run(function, SHORT_REQUESTS * setting.share, 1.0)
    name = f"no service time, rate × T = {silences:g}"
    yield by_errors(f"{name}: P(cold)", exp(-silences), run.per_request("cold"))
    yield by_errors(f"{name}: instances", 1 - exp(-silences), run.per_second("busy_s", "idle_s"))


def _infinite(spoken: str, law: Law, setting: Setting) -> Iterator[Check]:
    """Instances that go at once: those that are there are those that serve, M/G/∞ whatever the law."""
    generator = setting.generator("closed", "infinite", spoken)
    run = long_run(
        OneFunction(rate=0.9, service=law, keep_alive_s=SOON, generator=generator), SHORT_REQUESTS * setting.share, 0.9
    )
    yield by_errors(f"M/G/∞, {spoken}: busy", LOAD, run.per_second("busy_s"))
    for number in (0, 2, 5):
        yield by_errors(f"M/G/∞, {spoken}: P({number} busy)", poisson(LOAD, number), run.fraction_at(number))


def _gaps(setting: Setting) -> Iterator[Check]:
    """Recorded arrivals that take no time: the cold ones are the gaps longer than the keep-alive, and the first."""
    for recorded in lambda_runs(setting.lines(AWS))[:8]:
        at_s = recorded.times_s
        for keep_alive_s in (60.0, 600.0):
            cold = replay(at_s, np.full(len(at_s), SOON), keep_alive_s=keep_alive_s).cold
            longer = 1 + int(np.count_nonzero(np.diff(at_s) > keep_alive_s))
            yield exactly(f"AWS's arrivals at {recorded.rate:.4f}/s, kept {keep_alive_s:g} s: cold", longer, cold)


def set_up(_setting: Setting) -> Iterator[Case]:
    """Compare one instance that starts on demand, with a queue before it."""
    for case in SET_UP_CASES:
        yield partial(_set_up, case)


def _set_up(case: SetUpCase, setting: Setting) -> Iterator[Check]:
    name, rate, service, service_square, start, start_square, keep_alive_s = case
    function = OneFunction(
        rate=rate,
        service=service,
        start=start,
        keep_alive_s=keep_alive_s,
        cap=1,
        queue=None,
        generator=setting.generator("setup", name),
    )
    run = long_run(function, REQUESTS * setting.share, rate)
    right = set_up_queue(rate, service.mean_s, service_square, start.mean_s, start_square, keep_alive_s)
    yield by_errors(f"{name}: mean wait s", right.wait_s, run.per_request("wait_s"))
    yield by_errors(f"{name}: P(starts)", right.cold, run.per_request("cold"))
    for what, expected, column in (
        ("off", right.off, "zero_s"),
        ("idle", right.idle, "idle_s"),
        ("starting", right.starting, "starting_s"),
        ("busy", right.busy, "busy_s"),
    ):
        yield by_errors(f"{name}: {what}", expected, run.per_second(column))


def queues(_setting: Setting) -> Iterator[Case]:
    """Compare instances that never go, with one queue before them."""
    for case in (*QUEUES, *FAST_QUEUES):
        yield partial(_queue, *case)


def _queue(rate: float, service_s: float, places: int, setting: Setting) -> Iterator[Check]:
    name = f"{rate:g}/s, {service_s:g} s, {places} instances"
    function = OneFunction(
        rate=rate,
        service=Exponential(service_s),
        keep_alive_s=inf,
        cap=places,
        queue=None,
        generator=setting.generator("queues", name),
    )
    run = long_run(function, REQUESTS * setting.share, rate)
    load = rate * service_s
    yield by_errors(f"{name}: P(wait)", erlang_c(load, places), run.per_request("waited"))
    yield by_errors(f"{name}: mean wait s", mean_wait_s(load, places, service_s), run.per_request("wait_s"))


def conserved(setting: Setting) -> Iterator[Check]:
    """Check that nothing is lost: seconds of instances, and Little's law, to the precision of the numbers."""
    horizon_s = 2e6 * setting.share
    runs = {
        "canonical": _canonical(setting, "conserved").advance(horizon_s),
        "cap with queue and start-up": OneFunction(
            rate=0.9,
            service=Exponential(1.991),
            start=Lognormal(3.0, 2.0),
            keep_alive_s=60.0,
            cap=3,
            queue=None,
            generator=setting.generator("conserved", "queue"),
        ).advance(horizon_s),
        "cap with rejection": OneFunction(
            rate=0.9,
            service=Lognormal(1.991, 2.0),
            keep_alive_s=600.0,
            cap=2,
            queue=5,
            generator=setting.generator("conserved", "bound"),
        ).advance(horizon_s),
    }
    for name, sums in runs.items():
        yield from _balanced(name, sums)


def _balanced(name: str, sums: Account) -> Iterator[Check]:
    spent_s = sums.busy_s + sums.idle_s + sums.starting_s
    yield by_precision(f"{name}: busy + idle + starting s", sums.allocated_s, spent_s)
    yield by_precision(f"{name}: area under requests in flight s", sums.sojourn_s, sums.in_flight_s)
    yield by_precision(f"{name}: seconds by number of instances", sums.until_s, sums.zero_s + _seconds(sums))


def _seconds(sums: Account) -> float:
    return float(np.sum(sums.seconds_at[1:]))


def _periodic(_setting: Setting) -> Iterator[Check]:
    """Requests at even distances: all are cold, or only the first."""
    for period_s, service_s, keep_alive_s in ((300.0, 2.0, 600.0), (300.0, 2.0, 297.0), (300.0, 2.0, 299.0)):
        times_s = np.arange(1_000, dtype=np.float64) * period_s
        sums = replay(times_s, np.full(1_000, service_s), keep_alive_s=keep_alive_s)
        expected = 1_000 if period_s - service_s > keep_alive_s else 1
        yield exactly(f"every {period_s:g} s, {service_s:g} s, kept {keep_alive_s:g} s: cold", expected, sums.cold)


def _canonical(setting: Setting, name: str) -> OneFunction:
    return OneFunction(
        rate=0.9,
        service=Exponential(1.991),
        cold_service=Exponential(2.244),
        keep_alive_s=600.0,
        generator=setting.generator(name),
    )


def _capped(setting: Setting, rate: float, law: Law, cap: int) -> LongRun:
    function = OneFunction(
        rate=rate,
        service=law,
        keep_alive_s=inf,
        cap=cap,
        generator=setting.generator("caps", f"{cap}", repr(law)),
    )
    return long_run(function, REQUESTS / 2 * setting.share, rate, least_batch_s=10 * law.mean_s)


def _lifespan(run: LongRun) -> Estimate:
    return ratio_of(run.gained("lifespan_s"), run.gained("ended"))


def _lifespans_s(point: GoldenPoint) -> float:
    """Give the least length of a batch: instances live `instances / starts per second`."""
    return LIFESPANS * point.instances.value / (point.rate * point.cold.value)


_SIMFAAS = "pacslab/simfaas 0.2.2"
TABLES = (
    Table(
        "golden", "Fixed keep-alive, one function", "keepalive_golden_reference.csv: 1e7 to 4e7 requests each", golden
    ),
    Table("simfaas", "Fixed keep-alive, beside SimFaaS", f"{_SIMFAAS}, seeds 1 to 10 of its example", once(simfaas)),
    Table("caps", "A cap with rejection", f"Erlang-B; golden points; {_SIMFAAS}", caps),
    Table("closed", "What is known without simulating", "exp(−rate × T), M/G/∞, gaps", closed),
    Table(
        "setup", "One instance that starts on demand, with a queue", "M/G/1 with set-up and idle timer (Welch)", set_up
    ),
    Table("queues", "Instances that never go, with a queue", "Erlang-C", queues),
    Table("conserved", "Nothing is lost", "busy + idle + starting = allocated; Little's law", once(conserved)),
)
