"""A tenant's own PromQL: confined to its namespaces, or refused with what is wrong."""

import pytest

from autoscaler.policy.promql import MAX_CHARACTERS, confined, refuse_foreign, understood

OURS = ("shop", "shop-dev")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("pending", 'pending{namespace=~"shop|shop-dev"}'),
        ('pending{a="b"}', 'pending{a="b",namespace=~"shop|shop-dev"}'),
        ("rate(jobs[5m] offset 1m)", 'rate(jobs{namespace=~"shop|shop-dev"}[5m] offset 1m)'),
        ("avg_over_time(a[5m:1m] @ end())", 'avg_over_time(a{namespace=~"shop|shop-dev"}[5m:1m] @ end())'),
        ('{"my.metric"}', '{__name__="my.metric",namespace=~"shop|shop-dev"}'),
        ("a / b", 'a{namespace=~"shop|shop-dev"} / b{namespace=~"shop|shop-dev"}'),
        (
            "topk(scalar(a), b) > bool 3",
            'topk(scalar(a{namespace=~"shop|shop-dev"}), b{namespace=~"shop|shop-dev"}) > bool 3',
        ),
        ("sum(a) by (x) # namespace", 'sum by (x) (a{namespace=~"shop|shop-dev"})'),
        ("a unless on (x) b", 'a{namespace=~"shop|shop-dev"} unless on (x) b{namespace=~"shop|shop-dev"}'),
        ("-a ^ 2", '-a{namespace=~"shop|shop-dev"} ^ 2'),
        ('a{namespace="shop"}', 'a{namespace="shop",namespace=~"shop|shop-dev"}'),
        ('a{namespace=~"shop-dev|shop"}', 'a{namespace=~"shop-dev|shop",namespace=~"shop|shop-dev"}'),
        ('a{namespace!="shop"}', 'a{namespace!="shop",namespace=~"shop|shop-dev"}'),
        ('a{b=~"x{3}"}', 'a{b=~"x{3}",namespace=~"shop|shop-dev"}'),
        ('a{namespace=~".*"}', 'a{namespace=~".*",namespace=~"shop|shop-dev"}'),
    ],
)
def test_every_selector_is_confined(text: str, asked: str) -> None:
    """Each selector sees the tenant's namespaces alone, wherever it stands and whatever else it says."""
    assert understood(text) == text
    refuse_foreign(text, OURS)
    assert confined(text, OURS) == asked


@pytest.mark.parametrize(
    "text",
    [
        'a{x="\\",namespace=~\\".*"}',
        "a{x='\",namespace=~\".*'}",
        'a{x=`",namespace=~".*`}',
        'a{x="line\\nend\\\\"}',
        'a{"odd.name"="\\"}"}',
    ],
)
def test_no_label_value_ends_its_quotes(text: str) -> None:
    """A value that looks like the end of a selector stays a value, and confining twice is confining once."""
    once = confined(text, OURS)
    twice = confined(once, OURS)
    ours = 'namespace=~"shop|shop-dev"'
    assert once.count(ours) == 1
    assert twice.replace(f"{ours},{ours}", ours) == once


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no expression"),
        ("sum(a", "unclosed left parenthesis"),
        ("rate(a)", "expected type matrix"),
        ("nosuch(a)", "unknown function"),
        ("a[5m]", "a range or a text"),
        ("a[5m:1m]", "a range or a text"),
        ('"text"', "a range or a text"),
        ("vector(1)", "reads none"),
        ("1", "reads none"),
        ("info(a)", "info()"),
        ("sum(a) or vector(0)", "of no data"),
        ("sum(a) or on() vector(0)", "of no data"),
        ("vector(0) or sum(a)", "of no data"),
        ("sum(rate(a[5m]) or vector(0) * 2)", "of no data"),
        ("sum(a) or absent(a) * 0", "of no data"),
        ('{__name__=~".+"}', "metric's name"),
        ('{__name__!="a",b="c"}', "metric's name"),
        ('{job="x"}', "metric's name"),
        ('a{b="c" or d="e"}', "`or` between them"),
        ("a offset Inf", "Inf is none"),
        ("a[1e300]", "up to 1e12"),
        ("a[999999999y]", "longer"),
        ("rate(a[40000000])", "up to a year"),
        ("a offset 1e9", "up to a year"),
        ("max_over_time(a[1h:1e9])", "up to a year"),
        ("a @ 99999999999999", "up to 1e12"),
        ("(" * 60 + "a" + ")" * 60, "within each other"),
        ("-" * 200 + "a", "signs"),
        ('a{b=~"x{101}"}', "patterns that count"),
        ('a{b=~"x{2,500}"}', "patterns that count"),
        ('a{b=~"(x{9}){9}"}', "patterns that count"),
        ('a{b=~"\\\\w{9}"}', "none where repetitions are counted"),
        ('a{b=~"\\x5cw"}', "written out"),
        ('a{b=~"\\134w"}', "written out"),
        ("a{b=~`" + "\\w" * 9 + "`}", "up to 8 classes"),
        ("a" * (MAX_CHARACTERS + 1), "at most 2000 characters"),
    ],
)
def test_what_may_not_be_asked_is_refused_with_why(text: str, words: str) -> None:
    """What is no PromQL, says nothing of a load, or could reach beyond a tenant is refused in words of the case."""
    with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)").replace("'", ".")):
        understood(text)


@pytest.mark.parametrize(
    "text",
    ['a{namespace="kube-system"}', 'a + b{namespace=~"shop|kube-system"}', 'a{namespace=""}', 'a{namespace=~"other"}'],
)
def test_a_foreign_namespace_is_refused_by_name(text: str) -> None:
    """A selector that names another's namespace would be empty for ever: it is refused, and the own ones are named."""
    with pytest.raises(ValueError, match=r"the tenant's own \(shop, shop-dev\)"):
        refuse_foreign(text, OURS)


def test_without_a_namespace_nothing_is_confined() -> None:
    """A tenant without namespaces may ask nothing: an empty matcher would match what belongs to nobody."""
    with pytest.raises(ValueError, match="a namespace at least"):
        confined("a", ())
