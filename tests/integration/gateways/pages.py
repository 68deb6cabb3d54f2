"""What the pages of `docs/gateways` tell people to paste."""

import itertools
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PAGES = Path(__file__).resolve().parents[3] / "docs" / "gateways"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[Any]:
    """Give every YAML block of a page, such as `haproxy`, as data."""
    return [YAML(typ="safe").load(text) for text in _BLOCK.findall((PAGES / f"{page}.md").read_text())]


def source(page: str) -> dict[str, Any]:
    """Give the one source of the first settings on a page."""
    settings = next(block for block in blocks(page) if "sources" in block)
    found: dict[str, Any] = settings["sources"]["main"]
    return found


def table(page: str) -> list[list[str]]:
    """Give the rows of a page's first table, without its head."""
    lines = itertools.dropwhile(lambda line: not line.startswith("|"), (PAGES / f"{page}.md").read_text().splitlines())
    rows = list(itertools.takewhile(lambda line: line.startswith("|"), lines))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
