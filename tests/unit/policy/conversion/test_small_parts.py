"""Spans of cron triggers, quantities and queries: values in, values out."""

import pytest

from autoscaler.policy.conversion.quantities import quantity
from autoscaler.policy.conversion.queries import above, query
from autoscaler.policy.conversion.spans import lasting_s
from autoscaler.policy.promql import confined


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("0 6 * * *", "0 20 * * *", 14.0),
        ("0 22 * * *", "0 6 * * *", 8.0),
        ("30 * * * *", "45 * * * *", 0.25),
        ("0 8 * * 1-5", "30 17 * * 1-5", 9.5),
        ("0 0 * * 6", "0 0 * * 1", 48.0),
        ("0 0 1 * *", "0 0 15 * *", 14 * 24.0),
        ("0 0 24 12 *", "0 0 27 12 *", 72.0),
    ],
)
def test_a_span_lasts_from_its_start_to_the_next_end(start: str, end: str, hours: float) -> None:
    """Over midnight, over a weekend and once a year too."""
    assert lasting_s(start, end) == hours * 3600


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0 8 * * 1-5", "0 18 * * 5"),
        ("0 0 1 * *", "0 0 1 7 *"),
        ("0 0 2 * *", "0 0 1 * *"),
        ("0 0 30 2 *", "0 0 1 * *"),
        ("0 0 1 1 *", "0 0 30 2 *"),
        ("0 8 * *", "0 18 * * *"),
        ("a b c d e", "0 18 * * *"),
        ("0 0 1 1 *", "0 0 1 4 *"),
    ],
)
def test_what_has_no_single_length_says_why(start: str, end: str) -> None:
    """Starts again before its end, lasts now so and now so, never starts or ends, is no cron, or lasts over 31 days."""
    with pytest.raises(ValueError, match=r".+"):
        lasting_s(start, end)


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", 0.5), ("2", 2), ("0.25", 0.25), (".5", 0.5), ("1k", 1000), ("1Ki", 1024), ("1e3", 1000), ("100n", 1e-7)],
)
def test_quantities(text: str, value: float) -> None:
    """As Kubernetes writes them."""
    assert quantity(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "m", "-1", "1 k", "1kk", "one", "1e", "NaN", "1" * 30])
def test_what_is_no_quantity(text: str) -> None:
    """Negative ones mean nothing to an autoscaler."""
    with pytest.raises(ValueError, match="a quantity such as"):
        quantity(text)


@pytest.mark.parametrize(
    ("text", "kept", "has_default"),
    [
        ("sum(a)", "sum(a)", False),
        ("sum(a) or vector(0)", "sum(a)", True),
        ("(sum(a) or vector(0)) or vector(1)", "sum(a)", True),
        ("a or b", "a or b", False),
    ],
)
def test_only_a_default_at_the_end_is_taken_away(text: str, kept: str, has_default: bool) -> None:
    """What is left is a query that says nothing where nothing is known."""
    found = query(text)
    assert (found.text, found.has_default) == (kept, has_default)


@pytest.mark.parametrize("text", ["sum(a or vector(0))", "vector(1) or sum(a)"])
def test_a_default_elsewhere_is_refused(text: str) -> None:
    """Inside of a query nobody knows what it would be without."""
    with pytest.raises(ValueError, match="of no data"):
        query(text)


def test_what_a_query_reads() -> None:
    """A gateway's counter and a rate are noticed, wherever they stand."""
    found = query("max(irate(gateway_function_invocation_total[1m])) / 2")
    assert (found.is_gateway, found.has_rate) == (True, True)
    assert (query("a").is_gateway, query("a").has_rate) == (False, False)


def test_a_threshold_can_be_confined() -> None:
    """The product of a query and its comparison is asked in the tenant's namespaces, both times."""
    assert confined(above("sum(a)", 5.5), ["x"]).count('namespace=~"x"') == 2
