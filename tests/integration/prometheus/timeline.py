"""Ten minutes and more of what several gateways would have exported, scraped every 15 s.

Each gateway is a job of its own; its functions are in namespace `fn`.
"""

from collections.abc import Iterable, Mapping

from autoscaler.core.now import Now

SCRAPE_S = 15
RANGE_S = 4 * SCRAPE_S
START_S = 1_700_000_000.0
LAST = 40
GAP = 20
BACK = LAST + GAP

Points = list[tuple[float, float]]


def at(scrape: float, after_s: float = 7.0) -> Now:
    """Give the moment `after_s` after a scrape."""
    utc_s = START_S + scrape * SCRAPE_S + after_s
    return Now(utc_s - START_S + 1_000.0, utc_s)


def blocks() -> Mapping[str, Points]:
    """Give all series."""
    whole = range(LAST + 1)
    with_gap = [*whole, *range(BACK, BACK + 12)]
    series: dict[str, Points] = {}
    series |= _target("gateway", whole) | _functions(whole)
    series |= _target("away", with_gap) | _load("away", "steady.fn", with_gap)
    series |= _target("restarted", whole, restart=30) | _load("restarted", "steady.fn", whole, restart=30)
    series |= _named("restarted", "gateway_service_count", "steady.fn", [(one, 3) for one in whole])
    series |= _target("down", whole, down=range(38, LAST + 1)) | _load("down", "steady.fn", range(38))
    series |= _target("new", range(37, LAST + 1)) | _load("new", "steady.fn", range(37, LAST + 1))
    series |= _named("new", "gateway_service_count", "never.fn", [(one, 0) for one in range(37, LAST + 1)])
    series |= _target("silent", whole)
    return series | _cores(whole) | _queues(whole)


def _cores(whole: Iterable[int]) -> dict[str, Points]:
    """What the kubelets say of pods in namespace `fn`: half a core each, but `young` began at the last scrape."""
    every = list(whole)
    pods = {"steady-5f6d7c8b9c-x2k4z": every, "steady-5f6d7c8b9c-bbbbb": every, "figlet-5f6d7c8b9c-x2k4z": every}
    pods |= {"young-5f6d7c8b9c-x2k4z": every, "young-5f6d7c8b9c-bbbbb": every[-1:], "database-0": every}
    name = "container_cpu_usage_seconds_total"
    return {
        f'{name}{{container="main",job="kubelet",namespace="fn",pod="{pod}"}}': [
            _point(one, 0.5 * SCRAPE_S * one) for one in scrapes
        ]
        for pod, scrapes in pods.items()
    }


def _queues(whole: Iterable[int]) -> dict[str, Points]:
    """What OpenFaaS Pro's queue worker says."""
    lengths = {"steady.fn": 7.0, "figlet": 3.0, "quiet.fn": 0.0, "steady.theirs": 9.0}
    return {
        f'queue_worker_pending_messages{{function_name="{name}",queue_name="all"}}': [
            _point(one, length) for one in whole
        ]
        for name, length in lengths.items()
    }


def _functions(whole: Iterable[int]) -> dict[str, Points]:
    """What job `gateway` says of its functions."""
    every = list(whole)
    series = _load("gateway", "steady.fn", every, in_flight=3)
    series |= _load("gateway", "figlet", every, per_s=1) | _load("gateway", "figlet.fn", every, per_s=2)
    series |= _calls("gateway", "born.fn", [(one, 1) for one in every[-2:]], [(one, 1) for one in every[-2:]])
    series |= _calls("gateway", "first.fn", [(every[-1], 1)], [])
    burst = [(every[-2], 100.0), (every[-1], 101.0)]
    series |= _calls("gateway", "burst.fn", burst, burst)
    series |= _load("gateway", "renamed", every, per_s=2)
    series |= _calls("gateway", "renamed.fn", [(every[-1], 60.0)], [(every[-1], 60.0)])
    series |= _calls("gateway", "quiet.fn", [(one, 5) for one in every], [(one, 5) for one in every])
    series |= _calls("gateway", "long.fn", [(one, 6) for one in every], [(one, 5) for one in every])
    series |= _calls("gateway", "backwards.fn", [(one, 5) for one in every], [(one, 9) for one in every])
    series |= _calls("gateway", "broken.fn", [(one, float("nan")) for one in every], [])
    series |= _calls("gateway", "endless.fn", [(one, float("inf")) for one in every], [])
    series |= _load("gateway", "steady.theirs", every) | _load("gateway", "no-namespace.", every)
    for name in ("never.fn", "quiet.fn", "long.fn", "steady.fn", "first.fn"):
        series |= _named("gateway", "gateway_service_count", name, [(one, 1) for one in every])
    return series


def _target(
    job: str, scrapes: Iterable[int], down: Iterable[int] = (), restart: int | None = None
) -> dict[str, Points]:
    every, fallen = list(scrapes), set(down)
    labels = f'{{job="{job}",instance="{job}:8082"}}'
    return {
        f"up{labels}": [_point(one, 0 if one in fallen else 1) for one in every],
        f"process_start_time_seconds{labels}": [
            _point(one, START_S + 1_000 if restart is not None and one >= restart else START_S - 1_000)
            for one in every
            if one not in fallen
        ],
    }


def _load(
    job: str, name: str, scrapes: Iterable[int], *, per_s: float = 10, in_flight: int = 0, restart: int | None = None
) -> dict[str, Points]:
    """A function under constant load; a restart makes its counters begin anew."""
    started = [
        (one, per_s * SCRAPE_S * (one - (restart if restart is not None and one >= restart else 0)) + 100)
        for one in scrapes
    ]
    return _calls(job, name, started, [(one, count - in_flight) for one, count in started])


def _calls(
    job: str, name: str, started: Iterable[tuple[int, float]], ended: Iterable[tuple[int, float]]
) -> dict[str, Points]:
    return _named(job, "gateway_function_invocation_started", name, started) | _named(
        job, "gateway_function_invocation_total", name, ended, 'code="200",'
    )


def _named(job: str, metric: str, name: str, points: Iterable[tuple[int, float]], more: str = "") -> dict[str, Points]:
    labels = f'{{{more}function_name="{name}",instance="{job}:8082",job="{job}"}}'
    made = [_point(one, value) for one, value in points]
    return {f"{metric}{labels}": made} if made else {}


def _point(scrape: int, value: float) -> tuple[float, float]:
    return START_S + scrape * SCRAPE_S, value
