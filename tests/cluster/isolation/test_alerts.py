"""What one tenant's alerts can do to another: nothing. Real API server, real daemon, acme's own credential."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from autoscaler.core.boosts import PAIRS_BESIDE, PAIRS_PER_FUNCTION
from tests.cluster.installation.documents import TOKENS
from tests.cluster.isolation.site import Site, alert
from tests.servers.alertmanager import Alertmanager, configuration
from tests.servers.process import running, wait_until

pytestmark = pytest.mark.server

VICTIM = ("umbrella-fn", "victim")

NAMES = {
    "its namespace": {"namespace": "umbrella-fn", "function": "victim"},
    "its namespace alone": {"namespace": "umbrella-fn"},
    "its namespace in a label of its own": {"tenant": "umbrella", "exported_namespace": "umbrella-fn"},
    "function.namespace": {"function_name": "victim.umbrella-fn"},
    "function.namespace beside our own namespace": {"namespace": "acme-prod", "function_name": "victim.umbrella-fn"},
    "function.namespace as the function": {"namespace": "acme-prod", "function": "victim.umbrella-fn"},
    "namespace/function": {"namespace": "acme-prod", "function": "umbrella-fn/victim"},
    "a path": {"namespace": "acme-prod", "function": "../umbrella-fn/victim"},
    "an escaped path": {"namespace": "acme-prod", "function": "..%2Fumbrella-fn%2Fvictim"},
    "our namespace last": {"function_name": "victim.umbrella-fn.acme-prod"},
    "our namespace first": {"function_name": "acme-prod.victim.umbrella-fn"},
    "a dot at the end": {"function_name": "victim.umbrella-fn."},
    "a deployment": {"namespace": "umbrella-fn", "deployment": "victim"},
    "two namespaces": {"namespace": "acme-prod,umbrella-fn", "function": "victim"},
    "an alternative": {"namespace": "acme-prod|umbrella-fn", "function": "victim"},
    "a pattern": {"namespace": ".*", "function": ".*"},
    "a star": {"namespace": "*", "function": "victim"},
    "no namespace": {"namespace": "", "function": "victim"},
    "capitals": {"namespace": "Umbrella-FN", "function": "Victim"},
    "a space after it": {"namespace": "umbrella-fn ", "function": "victim"},
    "a NUL after it": {"namespace": "umbrella-fn\0", "function": "victim"},
    "a line after it": {"namespace": "umbrella-fn\nacme-prod", "function": "victim"},
    "Cyrillic letters": {"namespace": "umbrеllа-fn", "function": "victim"},
    "full-width letters, which NFKC makes plain": {"namespace": "\uff55mbrella-fn", "function": "victim"},
    "a hyphen that is none": {"namespace": "umbrella\u2010fn", "function": "victim"},
    "a joiner that is not seen": {"namespace": "umbrella\u200d-fn", "function": "victim"},
    "a text from right to left": {"namespace": "\u202enf-allerbmu", "function": "victim"},
    "a dotless i": {"namespace": "umbrella-fn", "function": "v\u0131ctim"},
    "a ligature, which NFKC takes apart": {"namespace": "umbrella-\ufb01n", "function": "victim"},
}


@pytest.fixture(scope="module", autouse=True)
def functions(site: Site) -> None:
    """Each tenant has a function of the same name, at two replicas by its load."""
    site.function("acme-prod", "victim", 15.0)
    site.function(*VICTIM, 15.0)
    for namespace in ("acme-prod", "umbrella-fn"):
        wait_until(lambda at=namespace: site.plane.replicas(at, "victim") == 2, f"two replicas in {namespace}", 60)


@pytest.fixture(autouse=True)
def calm(site: Site) -> Iterator[None]:
    """After each test its boosts are lifted, and the loads decide again."""
    yield
    for tenant, sent in site.sent.items():
        wait_until(lambda one=tenant: site.resolve(one), f"{tenant}'s alerts to be resolved", 60, 0.5)
        sent.clear()
    wait_until(lambda: not site.boosted(), "no boost", 60)
    for namespace in ("acme-prod", "umbrella-fn"):
        wait_until(lambda at=namespace: site.plane.replicas(at, "victim") == 2, f"two replicas in {namespace}", 180)


@pytest.mark.parametrize("labels", NAMES.values(), ids=NAMES.keys())
def test_no_name_reaches_another_tenants_function(site: Site, labels: dict[str, str]) -> None:
    """However an alert names it, the alert is dropped and counted, and no boost is in force anywhere."""
    answer = site.post("acme", alert(labels))
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["accepted"], sum(document["dropped"].values())) == (0, 1)
    assert not site.boosted()


def test_a_name_that_both_have_means_ones_own(site: Site) -> None:
    """The same name in both tenants: each credential boosts its own function, and the other's stays as it is."""
    assert site.post("acme", alert({"namespace": "acme-prod", "function": "victim"})).json()["accepted"] == 1
    wait_until(lambda: site.plane.replicas("acme-prod", "victim") == 4, "acme's boost", 60)
    assert site.boosted() == {("acme-prod", "victim")}
    assert site.plane.replicas(*VICTIM) == 2


def test_another_tenants_boost_cannot_be_resolved(site: Site) -> None:
    """Whoever knows fingerprint and start of another's alert still cannot lift its boost."""
    firing = alert({"namespace": "umbrella-fn", "function": "victim"})
    assert site.post("umbrella", firing).json()["accepted"] == 1
    wait_until(lambda: site.plane.replicas(*VICTIM) == 4, "umbrella's boost", 60)
    assert site.post("acme", {**firing, "status": "resolved"}).json()["accepted"] == 0
    own = {**firing["labels"], "namespace": "acme-prod"}
    assert site.post("acme", {**firing, "status": "resolved", "labels": own}).json()["accepted"] == 1
    through = site.ticks() + 3
    wait_until(lambda: site.ticks() >= through, "three ticks", 60)
    assert site.boosted() == {VICTIM}
    assert site.plane.replicas(*VICTIM) == 4


def many(count: int) -> bytes:
    """Give a group of so many alerts of acme, each of them another one."""
    alerts = [alert({"namespace": "acme-prod"}) for _ in range(count)]
    return json.dumps({"version": "4", "alerts": alerts}, separators=(",", ":")).encode()


def send(site: Site, body: bytes) -> int:
    """Send a body in acme's name."""
    headers = {"Authorization": f"Bearer {TOKENS['acme']}", "Content-Type": "application/json"}
    return requests.post(f"{site.daemon.url}/v1/alerts", data=body, headers=headers, timeout=120).status_code


@contextmanager
def flood(site: Site, connections: int = 4) -> Iterator[list[int]]:
    """Send groups of 6,500 alerts without end, over several connections at once; give the statuses."""
    stopping, statuses = threading.Event(), list[int]()

    def run() -> None:
        while not stopping.is_set():
            statuses.append(send(site, many(6_500)))

    threads = [threading.Thread(target=run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def test_ten_thousand_alerts_in_a_group_delay_nobody(site: Site) -> None:
    """Groups of thousands without end: ticks go on, another tenant's alert boosts, the sender's boosts are bounded."""
    refused = site.metric("autoscaler_core_refused_events_total")
    with flood(site) as statuses:
        wait_until(lambda: statuses.count(200) >= 2, "two groups to be taken", 60)
        begun, first = time.monotonic(), site.ticks()
        assert site.post("umbrella", alert({"namespace": "umbrella-fn", "function": "victim"})).json()["accepted"] == 1
        wait_until(lambda: site.plane.replicas(*VICTIM) == 4, "umbrella's boost", 60)
        wait_until(lambda: site.ticks() >= first + 10, "ten ticks", 60)
        took_s = time.monotonic() - begun
    print(f"ten ticks of 0.5 s in {took_s:.1f} s; answers {sorted(set(statuses))}")
    assert set(statuses) <= {200, 503}
    boosts = site.metric("autoscaler_boosts")
    assert (
        boosts <= PAIRS_BESIDE + PAIRS_PER_FUNCTION * len(site.functions_of("acme")) + 3
    )  # umbrella's, and what the start froze
    assert site.metric("autoscaler_core_refused_events_total") > refused
    # What acme holds of its own boosts ends by itself; here it is not waited for.
    site.restart()


def test_a_group_that_is_too_large_is_refused_whole(site: Site) -> None:
    """More than 2 MiB is 413, and more than 10,000 alerts 400; neither leaves anything behind."""
    assert send(site, many(20_000)) == 413
    assert send(site, b'{"version":"4","alerts":[' + b",".join([b"0"] * 10_001) + b"]}") == 400
    assert not site.boosted()


MARK = "zqx7"
VALUES = {
    "PromQL": f'{MARK}"}} or vector(1) or up{{x="',
    "a metric line": f'{MARK}\n# TYPE {MARK} counter\n{MARK}_total{{a="b"}} 1\n',
    "a log line": f'{MARK}"}}\r\n{{"event":"{MARK}","level":"error"}}',
    "a template": f"{MARK}{{{{ .Labels }}}} $labels %s %n ${{jndi:ldap://x}}",
    "a page": f"{MARK}<script>alert(1)</script>",
    "control characters": f"{MARK}\x1b[2J\u0085\u2028\ufeff",
    "half a character": f"{MARK}\ud800",
    "a pattern": f"{MARK}(a+)+$",
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_label_value_reaches_a_query_a_log_line_or_a_metric(site: Site, value: str) -> None:
    """Whatever stands in labels' names and values, annotations and starts, it is in none of what others read."""
    own = {"namespace": "acme-prod", "function": "victim"}
    hostile = [
        alert({**own, "evil": value}),
        alert({**own, value: "x"}),
        alert({"namespace": value, "function": "victim"}),
        alert({"namespace": "acme-prod", "function": value}),
        alert({"function_name": value}),
        alert(own, annotations={"summary": value}, generatorURL=value, startsAt=value[:64]),
    ]
    for one in hostile:
        answer = site.post("acme", one)
        assert answer.status_code in {200, 400}  # half a character is no text that UTF-8 can write
        assert MARK not in answer.text
    refused = site.post("acme", {**alert(own), "fingerprint": value})
    assert refused.status_code == 400 or refused.json()["dropped"] == {"malformed": 1}
    assert MARK not in refused.text
    through = site.ticks() + 3
    wait_until(lambda: site.ticks() >= through, "three ticks", 60)
    assert MARK not in site.log()
    assert MARK not in site.metrics()
    assert MARK not in site.asked()
    assert MARK not in json.dumps(site.plane.request("GET", "/api/v1/events"))
    assert site.boosted() <= {("acme-prod", "victim")}


def test_a_label_of_megabytes_is_refused_and_named_nowhere(site: Site) -> None:
    """Two megabytes in one value are 413, 5,000 characters drop that alert; no answer quotes any of it, nor does the log."""
    own = {"namespace": "acme-prod", "function": "victim"}
    large, long = (site.post("acme", alert({**own, "evil": MARK * (size // len(MARK))})) for size in (2 << 20, 5_000))
    assert large.status_code == 413
    assert (long.status_code, long.json()["dropped"]) == (200, {"malformed": 1})
    assert MARK not in large.text + long.text
    assert MARK not in site.log()
    assert not site.boosted()


def test_hostile_labels_through_a_real_alertmanager(site: Site, tmp_path: Path) -> None:
    """What Alertmanager lets through boosts acme's own function alone, and leaves no trace of its labels either."""
    config = configuration(f"{site.daemon.url}/v1/alerts", TOKENS["acme"], group_by=["namespace", "function"])
    alertmanager = Alertmanager(tmp_path, config)
    name = {"alertname": "HighLatency"}
    with running(alertmanager, alertmanager.is_ready):
        alertmanager.tell(
            {**name, "namespace": "umbrella-fn", "function": "victim", "evil": VALUES["PromQL"]},
            {**name, "namespace": VALUES["a metric line"], "function": "victim"},
            {**name, "namespace": "acme-prod", "function": VALUES["a log line"]},
        )
        alertmanager.tell({**name, "namespace": "acme-prod", "function": "victim", "evil": VALUES["PromQL"]})
        wait_until(lambda: site.boosted() == {("acme-prod", "victim")}, "acme's boost alone", 60, 0.1)
        alertmanager.tell(
            {**name, "namespace": "acme-prod", "function": "victim", "evil": VALUES["PromQL"]}, ends_in_s=0.0
        )
        wait_until(lambda: not site.boosted(), "the boost to be lifted", 60, 0.1)
    assert site.plane.replicas(*VICTIM) == 2
    for text in (site.log(), site.metrics(), site.asked()):
        assert MARK not in text
