"""Documents as text: YAML with what speaks for each above it."""

from collections.abc import Sequence
from io import StringIO

from ruamel.yaml import YAML

from autoscaler.policy.documents import API_VERSION
from autoscaler.simulator.recommending.standing import Document

WIDTH = 110


def yaml_text(document: Document, notes: Sequence[str] = ()) -> str:
    """Write one document.

    Args:
        notes: said above it, a line each.
    """
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = None  # what holds no further mapping stands in one line
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = WIDTH
    stream = StringIO()
    writer.dump(document, stream)
    return "".join(f"# {note}\n" for note in notes) + stream.getvalue()


def joined(texts: Sequence[str]) -> str:
    """Put documents into one text."""
    return "---\n".join(texts)


def tenant_document(name: str, namespaces: Sequence[str]) -> Document:
    """Give a tenant of which nothing is known but its namespaces."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {"namespaces": list(namespaces)},
    }
