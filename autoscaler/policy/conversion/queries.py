"""A query that another system asks Prometheus → one that says what is not known as not known."""

from dataclasses import dataclass

import promql_parser as promql

from autoscaler.policy.promql import understood

GATEWAY = "gateway_function_invocation"
"""What the counters of OpenFaaS's gateway begin with."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it is carried over.

    Attributes:
        text: PromQL.
        has_default: it said 0, or another number, where there is no data; that part is gone.
        is_gateway: it asks the counters of OpenFaaS's gateway, which the profile asks for all functions at once.
        has_rate: a counter's rate, which says nothing of a request that is still running.
    """

    text: str
    has_default: bool
    is_gateway: bool
    has_rate: bool


def query(text: str) -> Query:
    """Read a query and take away what turns no data into a number, such as `or vector(0)` at its end.

    Raises:
        ValueError: no policy may have it asked; the message says what is allowed.
    """
    whole = promql.parse(understood(text, takes_default=True))
    found = whole
    while isinstance(bare := _bare(found), promql.BinaryExpr) and _is_default(bare):
        found = bare.lhs
    kept = understood(text.strip() if found is whole else found.prettify())
    nodes: list[promql.Expr] = []
    promql.walk(found, nodes.append)
    names = {node.name or "" for node in nodes if isinstance(node, promql.VectorSelector)}
    calls = {node.func.name for node in nodes if isinstance(node, promql.Call)}
    return Query(
        kept,
        has_default=found is not whole,
        is_gateway=any(name.startswith(GATEWAY) for name in names),
        has_rate=bool(calls & {"rate", "irate", "increase", "delta"}),
    )


def above(text: str, threshold: float) -> str:
    """Give a query that is 0 up to a threshold, and what it was above it."""
    return f"({text}) * (({text}) > bool {threshold:g})"


def _bare(expression: promql.Expr) -> promql.Expr:
    while isinstance(expression, promql.ParenExpr):
        expression = expression.expr
    return expression


def _is_default(expression: promql.BinaryExpr) -> bool:
    """Tell whether it is `… or vector(NUMBER)`."""
    other = _bare(expression.rhs)
    is_vector = isinstance(other, promql.Call) and other.func.name == "vector"
    return str(expression.op).lower() == "or" and is_vector
