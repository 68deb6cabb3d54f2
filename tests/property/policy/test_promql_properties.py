"""Any text is confined PromQL or refused in words; nothing of a tenant's query ever looks beyond its namespaces."""

import re

import promql_parser as promql
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.policy.promql import confined, refuse_foreign, understood
from tests.property.effort import examples

OURS = {"shop", "shop-dev"}
TOKENS = (
    'foo|bar|{|}|a|=|=~|!=|"x"|"\\|[|5m|]|(|)|sum|by|rate|,|offset|@|-|+|1|1e9|99999999999999d|time()|start()|:|or|and|on'
    '|ignoring|group_left|bool|>|NaN|Inf|\\u|\'|`|#|\n|$|0x|y|999999999y|__name__|namespace|"shop"|"other"|".*"|.|..|end|%'
    "|^|atan2|unless|label_replace|topk|count_values|info|max_over_time|[5m:1m]|vector(0)|{namespace=~"
)
SOUP = st.lists(st.sampled_from(TOKENS.split("|")), max_size=14).map(" ".join)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
MATCHERS = st.tuples(st.sampled_from(["a", "b", "namespace"]), st.sampled_from(["=", "!="]), VALUES)


def written(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


SELECTORS = st.tuples(st.sampled_from(["foo", "bar_total"]), st.lists(MATCHERS, max_size=3)).map(
    lambda parts: f"{parts[0]}{{{','.join(f'{name}{op}{written(value)}' for name, op, value in parts[1])}}}"
)
QUERIES = st.recursive(
    SELECTORS | SELECTORS.map(lambda text: f"rate({text}[5m])"),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "/", "and", "or", "> bool"]), inner).map(" ".join)
        | inner.map(lambda text: f"sum by (a) ({text})")
        | inner.map(lambda text: f"max_over_time(({text})[10m:1m])")
    ),
    max_leaves=5,
)


def selectors(text: str) -> list[promql.VectorSelector]:
    found: list[promql.VectorSelector] = []
    promql.walk(
        promql.parse(text), lambda node: found.append(node) if isinstance(node, promql.VectorSelector) else None
    )
    return found


@settings(max_examples=examples(300), deadline=None)
@given(SOUP | st.text(max_size=40))
def test_any_text_is_confined_or_refused(text: str) -> None:
    """Whatever a tenant writes, it is refused with a ValueError, or every selector of what is asked is confined."""
    try:
        understood(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017
        return
    found = selectors(confined(text, OURS))
    assert found
    for selector in found:
        assert ("namespace", "shop|shop-dev") in [(one.name, one.value) for one in selector.matchers.matchers]


@settings(max_examples=examples(200), deadline=None)
@given(QUERIES)
def test_a_query_keeps_its_meaning(text: str) -> None:
    """Of a good query nothing changes but the one matcher more of each selector: names, values and order stay."""
    understood(text)
    ours = promql.parse(confined(text, OURS)).prettify()
    without = re.sub(r'namespace=~"shop\|shop-dev",?', "", ours).replace(",}", "}").replace("{}", "")
    assert re.sub(r"\s", "", without) == re.sub(r"\s", "", promql.parse(text).prettify().replace("{}", ""))


@settings(max_examples=examples(100), deadline=None)
@given(VALUES)
def test_only_own_namespaces_can_be_named(value: str) -> None:
    """A selector by an exact namespace is accepted where it is the tenant's own, and refused else."""
    try:
        refuse_foreign(f"foo{{namespace={written(value)}}}", OURS)
    except ValueError:
        assert value not in OURS
    else:
        assert value in OURS
