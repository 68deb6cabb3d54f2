"""Profile custom: queries that the settings give."""

from autoscaler.policy.profiles.queries import (
    SignalName,
    SignalQuery,
    coverage,
    from_before,
    joined,
    process_starts,
    replaced,
)
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import CustomQueries, SourceSettings


def custom_queries(
    custom: CustomQueries, selector: str, source: SourceSettings, request_timeout_s: float
) -> tuple[SignalQuery, ...]:
    """Fill the queries in; whether targets are up is asked as of every gateway."""
    range_ = format_duration(source.range_s)

    def filled(text: str) -> str:
        return text.replace("{range}", range_).replace("{selector}", selector)

    signals: tuple[tuple[SignalName, str | None], ...] = (
        ("rate", custom.rate),
        ("concurrency", custom.concurrency),
        ("in_flight", custom.in_flight),
    )
    proof = {"moved": custom.activity, "born": custom.born, "alive": custom.alive}
    proof_texts = {signal: filled(text) for signal, text in proof.items() if text is not None}
    proof_texts |= coverage(selector, source)
    proof_texts["resets"] = f"max({process_starts(selector, from_before(source))})"
    if custom.in_flight is not None:
        proof_texts |= replaced(selector, source, request_timeout_s)
    own = tuple(SignalQuery(name, filled(text)) for name, text in signals if text is not None)
    return (*own, SignalQuery("proof", joined(proof_texts)))
