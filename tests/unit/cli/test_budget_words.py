"""The table of budgets: names are shown as they are, whatever signs they hold."""

from io import StringIO

import pytest
from rich.console import Console

from autoscaler.cli.budget_words import budget_table


@pytest.mark.parametrize("pool", ["[gpu]", "[/gpu]", "[a, b]", "größe"])
def test_a_pool_is_shown_by_its_very_name(pool: str) -> None:
    """A name in square brackets is no mark-up: nothing of it is lost, and nothing breaks."""
    numbers = {"promised": 1, "cap": None, "asked": 2, "granted": 1, "refused": 1, "borrowed": 0, "lent": 0}
    table = budget_table([{"tenant": "acme", "budget": {"pool": pool, "bound_by": "POOL", **numbers}}])
    assert table is not None
    shown = StringIO()
    Console(file=shown, width=200).print(table)
    assert f" {pool} " in shown.getvalue()
