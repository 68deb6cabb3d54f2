"""Numbers as people read them."""

from autoscaler.policy.quantities import format_duration

NOTHING = "–"

_SMALL_S = 60.0

MANY = 10.0
"""A factor from which on a percentage says less than the factor."""


def count(number: float) -> str:
    """Write a number of things: whole, with thousands apart."""
    return f"{number:,.0f}"


def share(part: float, whole: float) -> str:
    """Write a fraction in hundredths; of nothing there is none."""
    if not whole:
        return NOTHING
    fraction = part / whole
    if fraction in (0.0, 1.0):
        return f"{100 * fraction:g} %"
    return f"{100 * fraction:.{2 if fraction < 0.1 else 1}f} %"


def seconds(value_s: float | None) -> str:
    """Write a stretch of time with three digits; None: there is none."""
    if value_s is None:
        return NOTHING
    if value_s >= _SMALL_S:
        return format_duration(round(value_s))
    if value_s and value_s < 1:
        return f"{1000 * value_s:.3g} ms"
    return f"{value_s:.3g} s"


def number(value: float | None, decimals: int) -> str:
    """Write a number of a table."""
    if value is None:
        return NOTHING
    return f"{value:,.{decimals}f}"


def change(before: float | None, after: float | None) -> str:
    """Write what became of a number, relative to what it was."""
    if before is None or after is None:
        return NOTHING
    if before == after:
        return "±0 %"
    if not before:
        return f"from 0 to {after:.3g}"
    if after / before >= MANY:
        return f"{after / before:.3g} × the"
    return f"{100 * (after - before) / before:+.1f} %"


def counted(number_of: int, what: str) -> str:
    """Write `1 tenant`, `2 tenants`."""
    return f"{number_of:,} {what}" if number_of == 1 else f"{number_of:,} {what}s"


def plain(text: str) -> str:
    """Give a text that plotly.js shows as it stands; without this it reads tags of HTML in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(text: str, most: int = 28) -> str:
    """Cut a name in its middle, so that a legend has room for the picture."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"
