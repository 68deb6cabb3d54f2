"""What `autoscaler explain --policy` prints: every field, its value, and who set it."""

from rich.table import Table
from rich.text import Text

from autoscaler.cli.client import Json
from autoscaler.cli.output import console
from autoscaler.policy.holding import as_text

_LAYERS = {"built-in": "", "document": "", "label": "label ", "bound": "bound "}


def print_policy(found: Json) -> None:
    """Print what holds for a function; below, what a bound took away and which labels are left out."""
    screen = console()
    screen.print(Text(_title(found)))
    screen.print(_table(found["fields"]))
    lines = [*_orders(found), *(_clipped(one) for one in found["fields"] if one["asked"] is not None)]
    for line in [*lines, *(f"Left out: {problem}" for problem in found["problems"])]:
        screen.print(Text(line), soft_wrap=True)


def _title(found: Json) -> str:
    return (
        f"{found['namespace']}/{found['function']} (tenant {found['tenant']}, policy "
        f"{found['policy'] or 'none, defaults'})"
    )


def _table(fields: list[Json]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("FIELD", "VALUE", "SET BY"):
        table.add_column(title, overflow="fold")
    for one in fields:
        table.add_row(Text(one["field"]), Text(as_text(one["value"])), Text(f"{_LAYERS[one['layer']]}{one['by']}"))
    return table


def _clipped(one: Json) -> str:
    asked = one["asked"]
    return (
        f"Clipped: {one['field']} is {as_text(one['value'])}, not {as_text(asked['value'])} as "
        f"{_LAYERS[asked['layer']]}{asked['by']} says: {one['by']} does not allow it."
    )


def _orders(found: Json) -> list[str]:
    """Give the orders that stand over all fields."""
    force = found["force"]
    return [
        *(["Paused: what runs stays."] if found["paused"] else []),
        *([f"Forced: {force} in place of what load asks for; limits and budget bind."] if force is not None else []),
        *(["Dry run: this is decided and recorded, nothing is written."] if found["dry_run"] else []),
    ]
