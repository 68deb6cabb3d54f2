"""A recommendation as documents, words and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autoscaler.cli.recommend_bursts import bursts_document, bursts_words
from autoscaler.cli.recommend_run import Outcome
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.recommending.differences import TIMES, Difference
from autoscaler.simulator.recommending.documents import policy_documents, tenant_documents
from autoscaler.simulator.recommending.outcome import CONFIDENCE, HEADROOM, Kept
from autoscaler.simulator.recommending.trying import TENANT
from autoscaler.simulator.recommending.writing import yaml_text
from autoscaler.simulator.sweeps.estimates import Estimate

MOST_SHOWN = 20
"""Functions and changes named in words; JSON has them all."""

Json = dict[str, object]


def document_texts(outcome: Outcome) -> Mapping[str, str]:
    """Give the documents by file name, what speaks for each above it."""
    standing, found = outcome.site.standing, outcome.found
    head = f"Recommended for {outcome.slo} of every function, least {outcome.minimize}, from {outcome.trace.source}."
    texts = {}
    for name, document in tenant_documents(found.tenants, standing).items():
        texts[f"tenant-{name}.yaml"] = yaml_text(document, [head, *_tenant_notes(outcome, name)])
    for name, (document, keys) in policy_documents(outcome.site.sized(outcome.sizings), standing).items():
        notes = _policy_notes(outcome, keys) if keys else ["As in force: nothing is recommended of its functions."]
        texts[f"policy-{name.replace('/', '-')}.yaml"] = yaml_text(document, notes)
    return texts


def _tenant_notes(outcome: Outcome, name: str) -> list[str]:
    saved = outcome.found.saved.get(TENANT + name)
    notes = [f"Guarantee: what its functions have on average; cap: {HEADROOM - 1:.0%} above the most they had."]
    if saved is not None:
        per_day = 86_400 / outcome.later_s
        notes.append(f"{outcome.minimize} a day against what is in force: {_interval(saved, -per_day)}.")
    return notes


def _policy_notes(outcome: Outcome, keys: Sequence[FunctionKey]) -> list[str]:
    mine = [one for one in outcome.found.functions if one.key in keys]
    promised = [one for one in mine if one.is_promised]
    notes = []
    kept = [one for one in promised if one.is_seen_kept]
    if kept:
        shares = [one.share for one in kept if one.share is not None]
        sure = f" ({CONFIDENCE:.0%} confidence: in {min(shares):.0%} of such runs or more)" if shares else ""
        runs = (
            f"all {max(one.of for one in kept)} runs"
            if shares
            else "the one run that there is: the trace fixes each request"
        )
        notes.append(f"Kept {outcome.slo} on later traffic in {runs}{sure}.")
    notes += [f"{words}." for words in (bursts_words(outcome, [one.key for one in kept]),) if words]
    untried = [one.key.name for one in mine if one.is_untried]
    if untried:
        notes.append(f"Not tried on later traffic, there was none: {', '.join(untried)}.")
    unkept = [one.key.name for one in mine if one.choice.is_kept is False]
    if unkept:
        notes.append(f"NOT promised, nothing that was tried keeps it: {', '.join(unkept)}.")
    missed = [f"{one.key.name} ({one.held} of {one.of})" for one in promised if one.is_missed]
    if missed:
        notes.append(f"MISSED on later traffic: {', '.join(missed)}.")
    return notes


def print_recommendation(outcome: Outcome, files: Sequence[Path]) -> None:
    """Say what was found, beside the documents: on the standard error."""
    out = Console(stderr=True, highlight=False)
    if not out.is_terminal:
        out = Console(stderr=True, highlight=False, width=160)
    if words := bursts_words(outcome, list(outcome.clumps)):
        out.print(f"{words}.", soft_wrap=True)
    for note in outcome.trace.notes:
        out.print(f"Trace: {note.rstrip('.')}.", soft_wrap=True)
    out.print(_tenants(outcome))
    found = outcome.found
    _named(
        out,
        "Not promised, nothing that was tried keeps it",
        [one for one in found.functions if one.choice.is_kept is False],
    )
    _named(out, "Promised and missed on the later part", [one for one in found.functions if one.is_missed])
    _named(
        out, "Promised, and not called on the later part: not tried", [one for one in found.functions if one.is_untried]
    )
    _named(out, "Worse than in force", [one for one in found.functions if one.worse])
    silent = [one for one in found.functions if one.choice.is_kept is None]
    _named(out, "Never called, so left as they are", silent)
    _changes(out, outcome.changes, outcome.is_anything_in_force)
    length = (
        f"{format_duration(round(outcome.learned_s))}, tried on the {format_duration(round(outcome.later_s))} after it"
    )
    out.print(f"{outcome.simulations} runs on {length}; every number is of the later part.", soft_wrap=True)
    for path in files:
        out.print(f"Written: {path}", soft_wrap=True)


def _tenants(outcome: Outcome) -> Table:
    table = Table(title=f"{outcome.slo}, of every function", title_justify="left")
    table.add_column("tenant")
    for name in (
        "functions",
        "guarantee",
        "cap",
        "kept",
        "kept in force",
        f"{outcome.minimize} a day",
        "less than in force",
    ):
        table.add_column(name, justify="right")
    per_day = 86_400 / outcome.later_s
    for name, numbers in outcome.found.tenants.items():
        mine = [one for one in outcome.found.functions if one.key.namespace in numbers.namespaces]
        kept = sum(one.is_seen_kept for one in mine)
        before = sum(one.of > 0 and one.was_held == one.of for one in mine)
        now = [values[TENANT + name][outcome.minimize] or 0.0 for values in outcome.found.recommended]
        saved = outcome.found.saved[TENANT + name]
        cost = f"{sum(now) / len(now) * per_day:,.0f}"
        less = "–" if saved is None else _share(saved, outcome, name)
        table.add_row(
            name,
            str(len(mine)),
            str(numbers.guarantee),
            str(numbers.cap),
            f"{kept} of {len(mine)}",
            f"{before} of {len(mine)}",
            cost,
            less,
        )
    return table


def _share(saved: Estimate, outcome: Outcome, name: str) -> str:
    then = [values[TENANT + name][outcome.minimize] or 0.0 for values in outcome.found.in_force]
    mean = sum(then) / len(then)
    if not mean:
        return "–"
    half = "" if saved.half_width is None else f" ± {saved.half_width / mean:.1%}"
    return f"{saved.mean / mean:.1%}{half}"


def _interval(one: Estimate, factor: float) -> str:
    half = "" if one.half_width is None else f" ± {one.half_width * abs(factor):,.0f}"
    return f"{one.mean * factor:+,.0f}{half}"


def _named(out: Console, words: str, some: Sequence[Kept]) -> None:
    if some:
        names = [_with_details(one) for one in some[:MOST_SHOWN]]
        more = f", and {len(some) - MOST_SHOWN} more" if len(some) > MOST_SHOWN else ""
        out.print(f"{words}: {', '.join(names)}{more}.", soft_wrap=True)


def _with_details(one: Kept) -> str:
    details = [f"{measure} +{difference.mean:.3g}" for measure, difference in one.worse.items()]
    if one.is_missed:
        details.append(f"{one.held} of {one.of} runs")
    return f"{one.key} ({', '.join(details)})" if details else str(one.key)


def _changes(out: Console, changes: Sequence[Difference], is_anything_in_force: bool) -> None:
    against = "what is in force" if is_anything_in_force else "the defaults"
    if not changes:
        out.print(f"Nothing differs from {against}.")
        return
    out.print(f"Against {against}:")
    for one in changes[:MOST_SHOWN]:
        out.print(
            f"  {one.name}: {one.field} {_value(one, one.in_force)} → {_value(one, one.recommended)}", soft_wrap=True
        )
    if len(changes) > MOST_SHOWN:
        out.print(f"  … and {len(changes) - MOST_SHOWN} more; --output json has them all.")


def _value(difference: Difference, value: float | None) -> str:
    """Write a number as documents have it: times as durations."""
    return _number(value) if value is None or difference.field not in TIMES else format_duration(value)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def as_json(outcome: Outcome, files: Sequence[Path]) -> Json:
    """Give everything that was found."""
    found = outcome.found
    return {
        "slo": str(outcome.slo),
        "minimize": outcome.minimize,
        "source": outcome.trace.source,
        "notes": outcome.trace.notes,
        "learned_s": outcome.learned_s,
        "later_s": outcome.later_s,
        "runs": outcome.simulations,
        "confidence": CONFIDENCE,
        "is_kept": outcome.is_kept,
        "saved": {name: None if one is None else asdict(one) for name, one in found.saved.items()},
        "tenants": {name: asdict(one) for name, one in found.tenants.items()},
        "functions": [_function(outcome, one) for one in found.functions],
        "changes": [asdict(one) for one in outcome.changes],
        "documents": document_texts(outcome),
        "files": [str(path) for path in files],
        "recommended": found.recommended,
        "in_force": found.in_force,
    }


def _function(outcome: Outcome, one: Kept) -> Json:
    sizing, clumps = outcome.sizings.get(one.key), outcome.clumps.get(one.key)
    return {
        "namespace": one.key.namespace,
        "function": one.key.name,
        "sizing": None if sizing is None else asdict(sizing),
        "bursts": None if clumps is None else bursts_document(clumps),
        "is_promised": one.is_promised,
        "held": one.held,
        "of": one.of,
        "share": one.share,
        "held_in_force": one.was_held,
        "worse": {measure: asdict(difference) for measure, difference in one.worse.items()},
    }
