"""Ten minutes of every gateway's scrapes, made by `speaking`: a few jobs each.

`NAME`: two gateways (or, per pod, two pods of each function) that were there all the time.
`NAME-anew`: one that began anew shortly before the end, its counters with it.
`NAME-hushed`: likewise, but nobody called anything before, so that no counter went back.
`NAME-lost`: two, of which one has lost its newest scrape.
`NAME-down`: two, of which one did not answer once.
`NAME-grown` (per pod): the second pod of `steady` came shortly before the end.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.profiles import CATALOG
from tests.integration.prometheus.speaking import SPOKEN, Calls
from tests.integration.prometheus.timeline import LAST, SCRAPE_S, START_S

ANEW = LAST - 1
PODS = {"a": "bcdfg", "b": "x2k4z"}
Points = dict[str, list[tuple[float, float]]]
SPACE = "acme"
NAMES = ("steady", "quiet", "long", "born", "errors", "over")


def calls(name: str, scrape: int) -> Calls | None:
    """Give what one of two gateways has counted of a function by a scrape; None: it knows nothing of it.

    steady: 2 requests/s, one of them in flight. quiet: 10 long ago. long: one that began long ago runs still.
    born: 15 by the last scrape but one, 30 by the last. errors: 1/s, and 30 of another code by the last scrape.
    over: one ran until the last scrape but one, and nothing since.
    """
    count = float(SCRAPE_S * scrape)
    if name == "born" and scrape < LAST - 1:
        return None
    begun, ended = {
        "steady": (2 * count + 10, {"200": 2 * count + 9}),
        "quiet": (10, {"200": 10}),
        "long": (6, {"200": 5}),
        "born": (15 * (scrape - LAST + 2), {"200": 15 * (scrape - LAST + 2)}),
        "errors": (count + 5 + (30 if scrape == LAST else 0), {"200": count + 5}),
        "over": (6, {"200": 5 if scrape < LAST else 6}),
    }[name]
    return Calls(FunctionKey(SPACE, name), begun, ended | ({"500": 30} if (name, scrape) == ("errors", LAST) else {}))


def timeline() -> Points:
    """Give the series of every gateway."""
    series: Points = defaultdict(list)
    for gateway in SPOKEN:
        for scrape in range(LAST + 1):
            for instance in PODS:
                _scraped(series, gateway, gateway, instance, scrape)
                if instance != "b" or scrape != LAST:
                    _scraped(series, gateway, f"{gateway}-lost", instance, scrape)
                is_down = (instance, scrape) == ("b", LAST - 2)
                _scraped(series, gateway, f"{gateway}-down", instance, scrape, is_up=not is_down)
                if CATALOG[gateway].is_per_pod:
                    names = NAMES if instance == "a" or scrape >= ANEW else tuple({*NAMES} - {"steady"})
                    _scraped(series, gateway, f"{gateway}-grown", instance, scrape, names=names)
            began = ANEW if scrape >= ANEW else 0
            _scraped(series, gateway, f"{gateway}-anew", "a", scrape, began=began)
            _scraped(series, gateway, f"{gateway}-hushed", "a", scrape, began=began, names=["born"])
    return series


def targets(gateway: str, job: str, instance: str) -> Iterator[tuple[Mapping[str, str], tuple[str, ...]]]:
    """Give the targets of a job, with the functions that each speaks of."""
    if not CATALOG[gateway].is_per_pod:
        own = {"namespace": "edge", "service": "edge", "job": job, "instance": f"{instance}:1"}
        yield own, NAMES
        return
    for name in NAMES:
        pod = f"{name}-5f6d7c8b9c-{PODS[instance]}"
        yield {"namespace": SPACE, "pod": pod, "job": job, "instance": f"{name}-{instance}:1"}, (name,)


def _scraped(
    series: Points,
    gateway: str,
    job: str,
    instance: str,
    scrape: int,
    began: int = 0,
    names: Sequence[str] = NAMES,
    is_up: bool = True,
) -> None:
    at_s, starts = START_S + scrape * SCRAPE_S, 1_000.0 if began else 500.0
    known = CATALOG[gateway]
    for target, spoken in targets(gateway, job, instance):
        if not {*spoken} & {*names}:
            continue
        labels = ",".join(f'{name}="{value}"' for name, value in sorted(target.items()))
        series[f"up{{{labels}}}"].append((at_s, float(is_up)))
        if not is_up:
            continue
        for metric in known.starts:
            series[f"{metric}{{{labels}}}"].append((at_s, starts))
        if known.heartbeat is not None:
            series[f"{known.heartbeat}{{{labels}}}"].append((at_s, 3.0 * (scrape - began)))
        for metric in known.uptimes:
            series[f"{metric}{{{labels}}}"].append((at_s, float(SCRAPE_S * (scrape - began))))
        for name in {*spoken} & {*names}:
            found = calls(name, scrape if name == "born" else scrape - began)
            # A gateway that began anew knows nothing of what was before.
            if found is None or (began and name in ("quiet", "long", "over")):
                continue
            for said in SPOKEN[gateway](found):
                series[said.stored(target)].append((at_s, said.value))
