"""What alerts hold up, as `status` says it."""

from typing import Any

from autoscaler.cli.alert_words import alert_lines


def boost(effect: str, number: str, *functions: tuple[str, int | None], ends_in_s: float = 240.4) -> dict[str, Any]:
    """Give one of `boosts` as `/v1/status` has it."""
    named = [{"namespace": "acme", "function": name, "floor": floor} for name, floor in functions]
    return {"id": number, "effect": effect, "ends_in_s": ends_in_s, "functions": named}


def test_each_effect_names_its_functions_its_alert_and_its_end() -> None:
    """A boost has its floors, a freeze has none, and the rule is named as documents have it, slashes included."""
    told = alert_lines(
        [
            boost("boost", "c1f2/2026-01-01T00:00:00.000Z/acme/p#0", ("a", 6), ("b", 2)),
            boost("freeze", "d1/t/tenant acme#1", ("a", None), ends_in_s=0.2),
        ],
        is_more=False,
    )
    assert told == [
        "boost: acme/a ≥ 6, acme/b ≥ 2, ends in 4m; alert c1f2 since 2026-01-01T00:00:00.000Z, by acme/p#0",
        "freeze: acme/a, ends in 1s; alert d1 since t, by tenant acme#1",
    ]


def test_what_a_start_froze_says_so() -> None:
    """A freeze that no alert has set is told as what it is."""
    (line,) = alert_lines([boost("freeze", "restart/acme/300s", ("a", None))], is_more=False)
    assert line.startswith("freeze: acme/a, ends in 4m; the daemon has started")


def test_many_are_counted() -> None:
    """Ten alerts, and ten functions of one, are named; the rest is a number."""
    many = [boost("wake", f"f{n}/t/r#0", *((f"f{k}", 1) for k in range(14))) for n in range(13)]
    lines = alert_lines(many, is_more=False)
    assert len(lines) == 11
    assert " and 4 more, ends in" in lines[0]
    assert "3 effects" in lines[-1]
    assert "or more" in alert_lines(many, is_more=True)[-1]
    assert alert_lines([], is_more=False) == []
