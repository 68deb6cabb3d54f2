"""What the reference says of a field beside its meaning: unit, why its default, and which system it comes from."""

from pydantic.config import JsonDict

KEY = "x-reference"
"""Where it stands in what pydantic describes; it is for the reference, and not part of the published schemas."""

SYSTEMS = ("Knative", "HPA", "KEDA", "OpenFaaS", "ours")
"""Which systems a field may come from; a name of theirs may follow, as in `Knative min-scale`."""


def told(unit: str, source: str, why: str) -> JsonDict:
    """Give what the reference says of a field, for `json_schema_extra`.

    Args:
        unit: of its value; `–` where it has none.
        source: one of `SYSTEMS`, with the field's name there; several with `, ` between them.
        why: why its default is what it is, or why it has none.
    """
    return {KEY: {"unit": unit, "source": source, "why": why}}
