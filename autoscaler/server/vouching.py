"""One daemon vouches to another for who showed it a certificate: that cannot be handed on as a header's text can.

The daemons of an election share one key file (`tls.keyFile`). A standby that hands a request on signs the names of the
certificate that it was shown, for this request and this holder, with a key made from that file; the holder believes
nothing else. So nobody can claim to be a certificate's owner who could not also pose as the daemon.
"""

import hashlib
import hmac
from collections.abc import Sequence

import orjson
from aiohttp import web

from autoscaler.ports import Clock, Leadership
from autoscaler.server.errors import Refused
from autoscaler.server.tls import Certificate, Certificates

HEADER = "X-Autoscaler-Certificate"
LONGEST_S = 60.0
"""How far the clocks of two daemons may differ."""

MOST_CHARACTERS = 6_000
"""Of the header: the holder takes none longer than 8,190."""


class Vouching:
    """Signs names, and tells whether they were signed.

    Args:
        certificates: whose key files count: the one in force signs, and the one before is believed too.
        clock: for how long a signature is good.
        leadership: under which name this daemon is asked.
    """

    def __init__(self, certificates: Certificates, clock: Clock, leadership: Leadership) -> None:
        self._certificates = certificates
        self._clock = clock
        self._leadership = leadership

    def sign(self, names: Sequence[str], holder: str, target: str) -> str:
        """Give the header for a request.

        Args:
            names: of the certificate that was shown.
            holder: identity of the daemon that is asked.
            target: method and raw path with query.

        Raises:
            ValueError: the names are too long for a header.
        """
        at_s = int(self._clock.now().utc_s)
        claim = orjson.dumps([at_s, holder, target, list(names)])
        said = orjson.dumps([at_s, list(names)]).hex()
        if len(said) > MOST_CHARACTERS:
            raise ValueError("the names of the certificate are too long")
        return f"{said}.{_signature(self._certificates.current, claim)}"

    def believed(self, text: str, target: str) -> tuple[str, ...] | None:
        """Give the names that a header vouches for; None: it cannot be believed."""
        said, _, signature = text.partition(".")
        try:
            at_s, names = orjson.loads(bytes.fromhex(said))
            claim = orjson.dumps([at_s, self._leadership.state().identity, target, names])
        except (ValueError, TypeError):
            return None
        sent = signature.encode("utf-8", "surrogatepass")
        keys = (self._certificates.current, self._certificates.previous)
        matches = [hmac.compare_digest(_signature(one, claim).encode(), sent) for one in keys if one is not None]
        is_now = isinstance(at_s, int) and abs(self._clock.now().utc_s - at_s) <= LONGEST_S
        return tuple(map(str, names)) if any(matches) and is_now else None


VOUCHING: web.AppKey[Vouching] = web.AppKey("vouching")
"""Where an application keeps whom it believes; absent: nobody."""


def target_of(request: web.Request) -> str:
    """Say what a request is for, the same at the daemon that hands it on and the one that gets it."""
    return f"{request.method} {request.rel_url.raw_path_qs}"


def vouched(request: web.Request) -> tuple[str, ...] | None:
    """Give the names that another daemon vouches for; None: none does.

    Raises:
        Refused: 503 where one seems to, and is not believed.
    """
    text, vouching = request.headers.get(HEADER), request.app.get(VOUCHING)
    if text is None or vouching is None:
        return None
    found = vouching.believed(text, target_of(request))
    if found is None:
        what = "the daemon that handed this on cannot be believed now"
        raise Refused(503, what, f"header {HEADER}", "daemons with one tls.keyFile and one time", {"Retry-After": "1"})
    return found


def _signature(certificate: Certificate, claim: bytes) -> str:
    key = hashlib.sha256(b"autoscaler: names of a certificate\0" + certificate.files.key.encode()).digest()
    return hmac.digest(key, claim, "sha256").hex()
