"""Requests that AWS Lambda really served, once more under a keep-alive of ten minutes."""

from collections.abc import Iterator

from autoscaler.simulator.laws import Exponential
from autoscaler.simulator.per_request.one_function import OneFunction, replay
from autoscaler.simulator.validation.check import Check, by_fraction, reported
from autoscaler.simulator.validation.long_runs import long_run
from autoscaler.simulator.validation.reference import AWS, AWS_SUMMARY, lambda_runs, lambda_summaries
from autoscaler.simulator.validation.setting import Setting, Table, once

KEEP_ALIVE_S = 600.0
"""Of AWS Lambda in 2020, as its authors measured it."""

SLOW = 0.02
"""Requests/s below which a verdict is given: above, AWS kept the instances of a burst longer than ten minutes."""

ALLOWED = 0.3
"""Of the cold starts of a day: their own standard error is 13 to 19 %."""

REQUESTS = 4e5
"""Of a full run of one summary."""


def replayed(setting: Setting) -> Iterator[Check]:
    """Replay recorded requests with the durations that they had."""
    for run in lambda_runs(setting.lines(AWS)):
        sums = replay(run.times_s, run.durations_s, keep_alive_s=KEEP_ALIVE_S)
        name, cold = f"{run.rate:.5f}/s, {len(run.times_s)} requests: cold", float(run.is_cold.sum())
        if run.rate < SLOW:
            yield by_fraction(name, cold, float(sums.cold), ALLOWED)
        else:
            yield reported(name, cold, float(sums.cold), "AWS Lambda")


def summaries(setting: Setting) -> Iterator[Check]:
    """Simulate published summaries by their rate and mean durations."""
    for one in lambda_summaries(setting.lines(AWS_SUMMARY)):
        name = f"{one.rate:.5f}/s"
        function = OneFunction(
            rate=one.rate,
            service=Exponential(one.warm_s),
            cold_service=Exponential(one.cold_s),
            keep_alive_s=one.keep_alive_s,
            generator=setting.generator("lambda", name),
        )
        run = long_run(function, REQUESTS * setting.share, one.rate)
        yield reported(f"{name}: P(cold)", one.cold, run.per_request("cold").mean, "AWS Lambda")
        yield reported(f"{name}: instances", one.instances, run.per_second("busy_s", "idle_s").mean, "AWS Lambda")


TABLES = (
    Table(
        "lambda",
        "Recorded requests of AWS Lambda, replayed",
        "pacslab/serverless-performance-modeling, 2020: 11 streams of a day",
        once(replayed),
    ),
    Table("lambda-means", "Published means of AWS Lambda", "pacslab/simfaas: examples/exp.csv", once(summaries)),
)
