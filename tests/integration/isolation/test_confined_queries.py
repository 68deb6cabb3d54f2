"""A tenant's own PromQL on a real Prometheus: what others have there changes no answer of it."""

import json
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings

from autoscaler.policy.promql import confined, understood
from tests.property.effort import examples
from tests.property.policy.test_promql_properties import QUERIES, SOUP
from tests.servers.prometheus import Prometheus, prometheus, write_blocks

pytestmark = pytest.mark.server

OURS = {"shop", "shop-dev"}
END_S = 1_700_003_600
OWN = {
    'foo{a="x",namespace="shop"}': 1.0,
    'foo{a="y",namespace="shop-dev"}': 2.0,
    'bar_total{b="x",namespace="shop"}': 3.0,
}
THEIRS = {
    'foo{a="x",namespace="bank"}': 700.0,
    'foo{a="x",namespace="shop-dev2"}': 701.0,
    'foo{a="x",namespace="xshop"}': 702.0,
    'foo{a="x"}': 703.0,
    'bar_total{b="z",namespace="bank"}': 704.0,
    'foo{a="x",namespace="shop|shop-dev"}': 705.0,
    'secret{namespace="bank"}': 706.0,
}


class Pair(NamedTuple):
    """Two servers: one holds what the tenant has alone, the other what its neighbours have as well."""

    alone: Prometheus
    shared: Prometheus


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Run both."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        for folder, series in ((one, OWN), (two, OWN | THEIRS)):
            samples = {
                name: [(END_S - 15.0 * step, value + step % 7) for step in range(240, -1, -1)]
                for name, value in series.items()
            }
            write_blocks(Path(folder), samples)
        with prometheus(Path(one), {}) as alone, prometheus(Path(two), {}) as shared:
            yield Pair(alone, shared)


def answered(server: Prometheus, text: str) -> object:
    """Give the data that a query is answered with, or that it is refused."""
    params = urllib.parse.urlencode({"query": text, "time": f"{END_S}.000"})
    try:
        with urllib.request.urlopen(f"{server.url}/api/v1/query?{params}", timeout=30) as answer:
            data = json.load(answer)["data"]
    except urllib.error.HTTPError as refusal:
        return json.load(refusal)["errorType"]
    result = data["result"]
    if data["resultType"] == "vector":
        result = sorted(result, key=lambda one: json.dumps(one, sort_keys=True))
    return data["resultType"], result


TRICKS = (
    'foo{namespace="bank"}',
    'foo{namespace=~".*"} or foo',
    'foo{a="x"} or secret',
    'foo{a="\\"} or secret{a=\\""}',
    "foo{a='x\"} or secret{b=\"'}",
    "foo{a=`x\"} or secret #`}",
    "foo # } or secret\n",
    "foo and on() secret",
    "foo unless ignoring(a, namespace) secret",
    "foo * on() group_left() secret",
    "sum(foo) + on() group_left sum(secret)",
    'label_replace(foo, "namespace", "bank", "", "")',
    'label_replace(secret, "namespace", "shop", "", "")',
    'count_values("namespace", foo)',
    "max_over_time(foo[30m:1m] offset 5m)",
    "foo offset -5m",
    "foo @ end()",
    "absent(secret)",
    'absent(secret{a="x"}) * 7',
    "count({__name__=\"foo\"})",
    'scalar(secret{namespace!=""}) or foo',
    "sum by (namespace) (foo)",
    "topk(99, foo)",
    'foo{namespace=~"shop.dev.*"}',
    'foo{namespace!~"shop"}',
    "quantile(0.5, foo) / quantile(0.5, secret)",
)  # fmt: skip


@pytest.mark.parametrize("text", TRICKS)
def test_neighbours_change_no_answer(pair: Pair, text: str) -> None:
    """A query that is not refused is answered as if the tenant were alone in the server."""
    try:
        asked = confined(understood(text), OURS)
    except ValueError:
        return
    assert answered(pair.shared, asked) == answered(pair.alone, asked)


def may_be_asked(text: str) -> bool:
    try:
        return bool(confined(understood(text), OURS))
    except ValueError:
        return False


def test_bare_they_would(pair: Pair) -> None:
    """Most of these queries may be asked, and bare most would be answered otherwise: so the test above can fail."""
    asked = [text for text in TRICKS if may_be_asked(text)]
    assert len(asked) > len(TRICKS) / 2
    assert sum(answered(pair.shared, text) != answered(pair.alone, text) for text in asked) > len(asked) / 2


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(QUERIES | SOUP)
@example("foo")
def test_whatever_is_asked_neighbours_change_no_answer(pair: Pair, text: str) -> None:
    """So it is for any text: refused, or answered from the tenant's own series alone."""
    try:
        asked = confined(understood(text), OURS)
    except ValueError:
        return
    assert answered(pair.shared, asked) == answered(pair.alone, asked)
