"""What goes wrong at gateways, or is done by a neighbour on purpose, in the scrapes before `LAST`: one job for each.

Jobs are called `GATEWAY-WHAT`. Functions are `acme/victim`, called twice a second through all of it, and `evil/flapper`,
whose owner does what can be done to its own series.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.profiles import CATALOG
from tests.integration.prometheus.speaking import SPOKEN, Calls
from tests.integration.prometheus.timeline import LAST, SCRAPE_S, START_S

Series = dict[str, list[tuple[float, float]]]
VICTIM, FLAPPER = FunctionKey("acme", "victim"), FunctionKey("evil", "flapper")
ANEW = LAST - 1
RELOAD = "caddy_config_last_reload_success_timestamp_seconds"
POD_NAMES = ("a", "a-b", "a-bcdfg", "a-b-x2k4z")


def timeline() -> Series:
    """Give all series."""
    series: Series = defaultdict(list)
    for scrape in range(LAST + 1):
        for gateway, known in CATALOG.items():
            if not known.is_per_pod:
                _gateway(series, gateway, "flapped", scrape, [_steady(scrape), _flapping(scrape)])
        began = ANEW if scrape >= ANEW else 0
        _gateway(series, "nginx-ingress", "unmarked", scrape, [_passing(scrape), _flapping(scrape)], starts=None)
        _gateway(series, "caddy", "reloaded", scrape, [_passing(scrape)], reloaded_s=1_000.0 if began else 500.0)
        _pod(series, "doubled", VICTIM, "x2k4z", scrape, ports=("8081", "9000"))
        for name in POD_NAMES:
            _pod(series, "alike", FunctionKey("acme", name), "bbbbb", scrape)
        _pod(series, "beside", VICTIM, "x2k4z", scrape)
        _gateway(series, "haproxy", "beside", scrape, [_steady(scrape)])
    return series


def _steady(scrape: int) -> Calls:
    count = 2.0 * SCRAPE_S * scrape + 10
    return Calls(VICTIM, count, {"200": count})


def _passing(scrape: int) -> Calls:
    """Counters that begin anew, and pass by the next scrape what they had counted before: none goes back."""
    count = 20.0 if scrape < ANEW else 25.0 * (scrape - ANEW + 1)
    return Calls(VICTIM, count, {"200": count})


def _flapping(scrape: int) -> Calls:
    count = 500.0 if scrape < ANEW else 5.0
    return Calls(FLAPPER, count, {"200": count})


def _gateway(
    series: Series,
    gateway: str,
    what: str,
    scrape: int,
    calls: list[Calls],
    starts: float | None = 500.0,
    reloaded_s: float = 500.0,
) -> None:
    target = {"namespace": "edge", "job": f"{gateway}-{what}", "instance": "a:1"}
    _say(series, "up", target, scrape, 1.0)
    if starts is not None:
        for metric in CATALOG[gateway].starts:
            _say(series, metric, target, scrape, reloaded_s if metric == RELOAD else starts)
        for metric in CATALOG[gateway].uptimes:
            _say(series, metric, target, scrape, float(SCRAPE_S * scrape))
    for one in calls:
        for said in SPOKEN[gateway](one):
            series[said.stored(target)].append((_at(scrape), said.value))


def _pod(
    series: Series, what: str, key: FunctionKey, pod: str, scrape: int, ports: tuple[str, ...] = ("8081",)
) -> None:
    """A pod that did one call a minute ago and more: 10 calls long since."""
    for number, target in enumerate(_pod_targets(what, key, pod, ports)):
        _say(series, "up", target, scrape, 1.0)
        _say(series, "process_start_time_seconds", target, scrape, 500.0)
        if number == 0:
            for said in SPOKEN["of-watchdog"](Calls(key, 10, {"200": 10})):
                series[said.stored(target)].append((_at(scrape), said.value))


def _pod_targets(what: str, key: FunctionKey, pod: str, ports: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    for port in ports:
        full = f"{key.name}-5f6d7c8b9c-{pod}"
        where = {"namespace": key.namespace, "pod": full, "instance": f"{full}:{port}"}
        yield {**where, "job": f"of-watchdog-{what}"}


def _say(series: Series, metric: str, labels: Mapping[str, str], scrape: int, value: float) -> None:
    text = ",".join(f'{name}="{held}"' for name, held in sorted(labels.items()))
    series[f"{metric}{{{text}}}"].append((_at(scrape), value))


def _at(scrape: int) -> float:
    return START_S + scrape * SCRAPE_S
