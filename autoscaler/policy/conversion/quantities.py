"""Kubernetes' quantities: `500m`, `2`, `1.5k`, `64Mi`."""

import re

_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?")
_PARTS = {"n": 1e9, "u": 1e6, "m": 1e3}
_SCALE = {
    "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def quantity(text: str) -> float:
    """Give the number that a quantity stands for.

    Raises:
        ValueError: it is none; the message says what is allowed.

    Source: k8s.io/apimachinery pkg/api/resource/quantity.go; negative ones mean nothing to an autoscaler.
    """
    found = _QUANTITY.fullmatch(text.strip())
    if found is None:
        raise ValueError("a quantity such as 500m, 2 or 1.5k")
    digits, suffix = found[1], found[2] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return float(f"{digits}{suffix}")
    if suffix in _PARTS:
        return float(digits) / _PARTS[suffix]  # 51m is 0.051, and 51 × 0.001 is not
    return float(digits) * _SCALE.get(suffix, 1.0)
