"""Converted policies as YAML: each with where it came from, and what is not carried, as comments."""

from collections.abc import Iterator
from textwrap import wrap

from autoscaler.policy.conversion.converted import Converted, Document, Made
from autoscaler.policy.documents import API_VERSION
from autoscaler.policy.onboarding.rendering import yaml_text

_WIDTH = 110


def text(found: Converted, tenant_name: str | None, first: Document | None = None) -> str:
    """Write everything as YAML.

    Args:
        tenant_name: name of a Tenant that is written before the policies; None: none is.
        first: a document that is written before everything.
    """
    documents = [] if first is None else [yaml_text([first])]
    if tenant_name is not None:
        documents.append(yaml_text([tenant(tenant_name, found)]))
    return "---\n".join([*documents, *map(_commented, found.made)])


def tenant(name: str, found: Converted) -> Document:
    """Give the smallest Tenant in which the policies hold: their namespaces, zero where they go there, their queries."""
    specs = [made.document["spec"] for made in found.made]
    queries = {
        metric[key]
        for spec in specs
        for metric in spec.get("metrics", ())
        for key in ("query", "activity")
        if key in metric
    }
    bounds = {
        **({"allowZero": True} if any(spec["zero"] is not None for spec in specs) else {}),
        **({"maxQueries": min(len(queries), 1000)} if len(queries) > 20 else {}),
    }
    namespaces = list(dict.fromkeys(made.key[0] for made in found.made))
    spec: Document = {"namespaces": namespaces, **({"bounds": bounds} if bounds else {})}
    return {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": spec}


def _commented(made: Made) -> str:
    return "".join(f"# {line}\n" for line in _comments(made)) + yaml_text([made.document])


def _comments(made: Made) -> Iterator[str]:
    place = made.file if made.line is None else f"{made.file}:{made.line}"
    yield f"From {made.source}, {place}"
    for remark in made.remarks:
        said = "carried" if remark.is_carried else "not carried"
        yield from wrap(f"{said}: {remark.path} (line {remark.line}): {remark.words}", _WIDTH, subsequent_indent="  ")
