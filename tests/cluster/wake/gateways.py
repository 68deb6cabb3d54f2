"""Every form of every gateway that wakes functions, and how to run it.

By hand: `WAKE_FORMS=haproxy,caddy-off` in the environment leaves out all forms whose names hold none of these texts.
"""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest

from tests.servers import apache, caddy, haproxy, nginx
from tests.servers.wake_forms import Run, WakeForm


class Waking(NamedTuple):
    """One form of one gateway; `name` is what its functions' names begin or end with."""

    name: str
    gateway: str
    form: WakeForm
    run: Run


_FORMS: dict[str, tuple[tuple[WakeForm, ...], Run]] = {
    "nginx": (nginx.WAKE_FORMS, nginx.waking),
    "haproxy": (haproxy.WAKE_FORMS, haproxy.waking),
    "caddy": (caddy.WAKE_FORMS, caddy.waking),
    "apache": (apache.WAKE_FORMS, apache.waking),
}


def _all() -> Iterator[Waking]:
    wanted = os.environ.get("WAKE_FORMS", "").split(",")
    for gateway, (forms, run) in _FORMS.items():
        for form in forms:
            name = f"{gateway}-{form.name}"
            if any(one in name for one in wanted):
                yield Waking(name, gateway, form, run)


def _first_of_each(forms: Iterable[Waking]) -> Iterator[Waking]:
    seen = set()
    for one in forms:
        kind = (one.gateway, one.form.is_on_path)
        if kind not in seen:
            seen.add(kind)
            yield one


GATEWAYS = tuple(_all())

DISTINCT = tuple(_first_of_each(GATEWAYS))
"""One form off the path and one on it of each gateway: the others differ only in what happens while no daemon answers."""

FORMS = pytest.mark.parametrize("name", [one.name for one in GATEWAYS])
"""Has a test run for each form."""
