"""A tenant's own PromQL: understood, bounded, and confined to the tenant's namespaces.

A query is parsed, never searched by text, and what is asked is written anew from what was parsed: a text that
Prometheus would read otherwise than we do cannot get past.

The parser is `promql-parser` (Rust). It panics on durations beyond its range and needs a stack as deep as the text is
nested, so both are bounded before it sees a text.
"""

import re
from collections.abc import Collection
from datetime import timedelta

import promql_parser as promql

MAX_CHARACTERS = 2000
MAX_DEPTH = 50
MAX_DURATION_S = 366 * 86_400.0
MAX_COUNT = 100
MAX_CLASSES = 8

NAMESPACE = "namespace"

_STRINGS = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`|#[^\n]*', re.DOTALL)
_COUNTED = re.compile(r"\{(?:[0-9]*,)?([0-9]{1,9})")
_NUMBERED = re.compile(r"\\(?:[xuU]|[0-7]{3})")
_CLASSES = re.compile(r"\\[wWdDsSpPbB]")
_WORDS = re.compile(r"[0-9a-zA-Z_.:]+")
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:ms|[smhdwy]))+")
_PARTS = re.compile(r"([0-9]+)(ms|[smhdwy])")
_PART_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}
_PLAIN = re.compile(r"[a-z0-9-]+(?:\|[a-z0-9-]+)*")


def understood(text: str, takes_default: bool = False) -> str:
    """Give the text where it is PromQL that may be asked for some tenant.

    Args:
        text: what somebody wrote.
        takes_default: whether it may answer without any series, as `… or vector(0)` does: for who takes that away.

    Raises:
        ValueError: it may not; the message says what is allowed, and what is wrong here.
    """
    _read(text, takes_default)
    return text


def confined(text: str, namespaces: Collection[str]) -> str:
    """Write a query anew so that every selector of it sees series of these namespaces alone.

    Args:
        text: PromQL that `understood` accepts.
        namespaces: the tenant's, one at least; names of Kubernetes namespaces.

    Raises:
        ValueError: it cannot be confined; the message says which part of it, and what is allowed.
    """
    if not namespaces:
        raise ValueError("a namespace at least; without one nothing is confined")
    pattern = "|".join(re.escape(name).replace(r"\-", "-") for name in sorted(namespaces))

    def confine(node: promql.Expr) -> promql.Expr | None:
        return promql.parse(_with_matcher(node, pattern)) if isinstance(node, promql.VectorSelector) else None

    asked = promql.transform(_read(text), None, confine).prettify()
    for selector in _selectors(promql.parse(asked)):
        # What is sent is what was proven: a selector that got away would show one tenant another's load.
        if not any(_is_ours(matcher, pattern) for matcher in selector.matchers.matchers):
            raise ValueError(f"a query whose every selector can be confined; {_shown(selector)} cannot")
    return asked


def refuse_foreign(text: str, namespaces: Collection[str]) -> None:
    """Refuse a query that names a namespace which is not the tenant's: confined, it would be empty for ever.

    Args:
        text: PromQL that `understood` accepts.
        namespaces: the tenant's.

    Raises:
        ValueError: it does; the message says which selector, and what is allowed.
    """
    for selector in _selectors(_read(text)):
        for matcher in selector.matchers.matchers:
            if _is_foreign(matcher, namespaces):
                allowed = ", ".join(sorted(namespaces))
                raise ValueError(f"no namespaces but the tenant's own ({allowed}); {_shown(selector)} names another")


def _read(text: str, takes_default: bool = False) -> promql.Expr:
    """Parse a query and refuse what could reach beyond one tenant, or says nothing of a load."""
    _refuse_large(text)
    try:
        expression = promql.parse(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"PromQL; this is none: {error}") from None
    if not isinstance(expression, promql.Expr):
        raise ValueError("PromQL; this is none")
    nodes = _nodes(expression)
    if any(isinstance(node, promql.Call) and node.func.name == "info" for node in nodes):
        raise ValueError("functions other than info(), which reads series that no selector names")
    longest_s = max(abs(stretch.total_seconds()) for node in nodes for stretch in _stretches(node))
    if longest_s > MAX_DURATION_S:
        raise ValueError("ranges, steps and offsets up to a year; this has a longer one")
    if isinstance(expression, promql.MatrixSelector | promql.SubqueryExpr | promql.StringLiteral):
        raise ValueError("a query whose answer is a number or a vector; this one answers a range or a text")
    selectors = _selectors(expression)
    if not selectors:
        raise ValueError("a query that reads a series; this one reads none, so it says nothing of a load")
    for selector in selectors:
        _refuse_tricks(selector)
    if not takes_default and any(_has_default(node) for node in nodes):
        raise ValueError(
            "a query that says nothing where there are no series; `or` with what reads none, such as vector(0), makes a "
            "load of no data, and 0 would prove idleness"
        )
    return expression


def _has_default(node: promql.Expr) -> bool:
    """Tell whether it is an `or` of which one side answers without any series."""
    return isinstance(node, promql.BinaryExpr) and str(node.op) == "or" and not all(map(_needs_series, _sides(node)))


def _sides(node: promql.BinaryExpr) -> tuple[promql.Expr, promql.Expr]:
    return node.lhs, node.rhs


def _needs_series(expression: promql.Expr) -> bool:
    nodes = _nodes(expression)
    is_of_absence = any(isinstance(node, promql.Call) and node.func.name.startswith("absent") for node in nodes)
    return not is_of_absence and any(isinstance(node, promql.VectorSelector) for node in nodes)


def _refuse_large(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"at most {MAX_CHARACTERS} characters; this has {len(text)}")
    bare = _STRINGS.sub(" ", text)
    depth = deepest = 0
    for sign in bare:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH or bare.count("-") + bare.count("+") + bare.count("^") > 2 * MAX_DEPTH:
        raise ValueError(f"at most {MAX_DEPTH} brackets within each other, and {2 * MAX_DEPTH} signs")
    for word in _WORDS.findall(bare):
        _refuse_large_number(word)
    _refuse_costly_patterns("".join(_STRINGS.findall(text)))


def _refuse_costly_patterns(strings: str) -> None:
    """Refuse patterns that take long to compile: a class such as `\\w` is 0.5 ms, and times its repetitions."""
    if _NUMBERED.search(strings):
        raise ValueError(r"characters written out, not by number as \x41 is: a class or a count could hide in them")
    counts = [int(count) for count in _COUNTED.findall(strings)]
    if len(counts) > 1 or max(counts, default=0) > MAX_COUNT:
        raise ValueError(f"patterns that count repetitions once in a query, up to {{{MAX_COUNT}}}")
    classes = len(_CLASSES.findall(strings))
    if classes > MAX_CLASSES or (classes and counts):
        raise ValueError(
            rf"patterns with up to {MAX_CLASSES} classes such as \w, and none where repetitions are counted"
        )


def _refuse_large_number(word: str) -> None:
    """Refuse numbers and durations that no parser has room for, wherever they stand."""
    if word.lower() in ("inf", "nan"):
        raise ValueError(f"numbers that can be counted to; {word} is none")
    for part in word.split(":"):
        if _DURATION.fullmatch(part):
            if sum(int(count) * _PART_S[unit] for count, unit in _PARTS.findall(part)) > MAX_DURATION_S:
                raise ValueError(f"durations up to a year; {part} is longer")
        elif part[:1].isdigit() or part[:1] == ".":
            _refuse_large_literal(part)


def _refuse_large_literal(part: str) -> None:
    try:
        value = float(part)
    except ValueError:
        # Octal, hexadecimal, or no number at all: the parser says which; only its length matters here.
        value = float("inf") if len(part) > 12 else 0.0
    if value > 1e12 or len(part) > 24:
        raise ValueError(f"numbers up to 1e12; {part[:24]} is larger")


def _nodes(expression: promql.Expr) -> list[promql.Expr]:
    found: list[promql.Expr] = []
    promql.walk(expression, found.append)
    return found


def _selectors(expression: promql.Expr) -> list[promql.VectorSelector]:
    return [node for node in _nodes(expression) if isinstance(node, promql.VectorSelector)]


def _stretches(node: promql.Expr) -> list[timedelta]:
    """Give the ranges, steps and offsets of a part of a query; an empty one where it has none."""
    found: list[timedelta | None] = []
    match node:
        case promql.MatrixSelector():
            found = [node.range]
        case promql.VectorSelector():
            found = [node.offset]
        case promql.SubqueryExpr():
            found = [node.range, node.step, node.offset]
    return [timedelta(), *(stretch for stretch in found if stretch is not None)]


def _refuse_tricks(selector: promql.VectorSelector) -> None:
    if selector.matchers.or_matchers:
        raise ValueError(f"matchers that all hold; {_shown(selector)} has `or` between them")
    names = [matcher for matcher in selector.matchers.matchers if matcher.name == "__name__"]
    if any(matcher.op != promql.MatchOp.Equal for matcher in names) or not (names or selector.name):
        raise ValueError(f"selectors with a metric's name written out; {_shown(selector)} is none")


def _is_foreign(matcher: promql.Matcher, namespaces: Collection[str]) -> bool:
    """Tell whether a matcher names a namespace that is none of these.

    Patterns that are more than names with `|` between them are not evaluated: confined, they are harmless.
    """
    if matcher.name != NAMESPACE:
        return False
    if matcher.op == promql.MatchOp.Equal:
        return matcher.value not in namespaces
    is_plain = matcher.op == promql.MatchOp.Re and _PLAIN.fullmatch(matcher.value) is not None
    return is_plain and not set(matcher.value.split("|")) <= set(namespaces)


def _with_matcher(selector: promql.VectorSelector, pattern: str) -> str:
    """Write a selector with the matcher in front of its own ones."""
    text, name = selector.prettify(), selector.name or ""
    rest = text.removeprefix(name)
    matcher = f'{NAMESPACE}=~"{pattern}"'
    return f"{name}{{{matcher},{rest[1:]}" if rest.startswith("{") else f"{name}{{{matcher}}}{rest}"


def _is_ours(matcher: promql.Matcher, pattern: str) -> bool:
    return matcher.name == NAMESPACE and matcher.op == promql.MatchOp.Re and matcher.value == pattern


def _shown(selector: promql.VectorSelector) -> str:
    text = ascii(selector.prettify())[1:-1]
    return text if len(text) <= 60 else f"{text[:60]}…"
