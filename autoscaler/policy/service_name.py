"""The annotation by which a function names its Service: `autoscaler.faas.dev/service: NAME:PORT`."""

import re
from typing import NamedTuple

_NAME = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
_ALLOWED = "NAME:PORT, such as gateway:8080: a Service of the same namespace, and one of its ports by number"


class ServiceName(NamedTuple):
    """The Service that leads to a function.

    Attributes:
        name: in the function's namespace.
        port: the Service's own port, by number.
    """

    name: str
    port: int


def parse_service_name(text: str) -> ServiceName:
    """Read what the annotation says.

    Raises:
        ValueError: it is something else; the message says what is allowed.
    """
    found = re.fullmatch(rf"({_NAME}):([0-9]{{1,5}})", text)
    if found is None or not 1 <= int(found[3]) <= 65_535:
        raise ValueError(_ALLOWED)
    return ServiceName(found[1], int(found[3]))
