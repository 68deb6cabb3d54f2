"""Memory as Kubernetes writes it."""

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

GB_BYTES = 1 << 30
"""Functions are billed by GB-seconds of 1024 MiB."""

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|k|M|G|T|)")
_ALLOWED = "memory such as 128Mi, 1.5Gi or 512M, more than 0 (units Ki, Mi, Gi, Ti, k, M, G, T)"


def parse_memory(text: object) -> float:
    """Give the GB (1024 MiB) that a quantity such as `256Mi` stands for.

    A bare number is refused: whether it means bytes or megabytes is what people get wrong.

    Raises:
        ValueError: it is no such quantity; the message says what is allowed.
    """
    found = _QUANTITY.fullmatch(text) if isinstance(text, str) and len(text) <= 30 else None
    amount_gb = float(found[1]) * _UNITS[found[2]] / GB_BYTES if found else 0.0
    if amount_gb <= 0:
        raise ValueError(_ALLOWED)
    return amount_gb


def format_memory(amount_gb: float) -> str:
    """Write GB as `parse_memory` reads them back, to the byte."""
    amount = round(amount_gb * GB_BYTES)
    for unit in ("Gi", "Mi", "Ki"):
        if amount % _UNITS[unit] == 0:
            return f"{amount // _UNITS[unit]}{unit}"
    return str(amount)


Memory = Annotated[
    float,
    BeforeValidator(parse_memory),
    PlainSerializer(format_memory, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["128Mi", "1.5Gi"]}),
]
"""GB in Python, a text such as `256Mi` in documents."""
