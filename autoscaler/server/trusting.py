"""How a daemon knows another one by its certificate: they share one, or have one issuer and one name."""

import ssl

from autoscaler.server.tls import Certificate, Certificates, certificates


class Trusting:
    """Trust towards the daemon that holds the Lease, made of our own certificate.

    What is believed: our own certificate, the one before it, and what their issuers (`tls.certFile` may hold them) or
    `tls.clientCAFile` sign for our own first DNS name. So a holder that has its renewed certificate already is believed
    by a standby that has not, where they have an issuer in these files; the address in the Lease counts for nothing.
    Where our certificate has no DNS name, only that very certificate is believed.
    """

    def __init__(self, ours: Certificates) -> None:
        self._ours = ours
        self._made: tuple[Certificate, ssl.SSLContext, str | None] | None = None

    def now(self) -> tuple[ssl.SSLContext, str | None]:
        """Give the context to ask with, and the name to expect; None: any, of a certificate that is believed."""
        current = self._ours.current
        if self._made is None or self._made[0] is not current:
            self._made = (current, *_trust(current, self._ours.previous))
        return self._made[1:]


def _trust(current: Certificate, previous: Certificate | None) -> tuple[ssl.SSLContext, str | None]:
    name = next((name for name in current.dns_names if not name.startswith("*")), None)
    believed = [certificates(one.files.certificate)[0] for one in (current, previous) if one is not None]
    if name is not None:
        believed += certificates(current.files.certificate)[1:] + certificates(current.files.client_authorities or "")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = name is not None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # so that a certificate may vouch for itself
    context.load_verify_locations(cadata="\n".join(believed))
    return context, name
