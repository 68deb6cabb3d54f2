"""A person's own access to a cluster, as kubectl has it: address, trust, credentials and namespace of a context."""

import logging
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with kubernetes
from kubernetes import config
from kubernetes.client import Configuration

from autoscaler.cli.errors import WrongConfiguration

_BEARER = "Bearer "
_USUAL = "~/.kube/config"
_UNREADABLE = (config.ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Access:
    """What a context of a kubeconfig says.

    Attributes:
        context: its name.
        namespace: the namespace that commands mean where none is given.
        url: the API server's.
        token: bearer token of its user, that of an exec plugin too; None: it logs in otherwise, or not at all.
        trust: the certificate authority, and the user's own certificate where it has one; None: an address without TLS.
        server_name: name that the API server's certificate has, where it is not that of the address.
        proxy: URL of the proxy in between, as the context or HTTPS_PROXY names it; None: there is none.
    """

    context: str
    namespace: str
    url: str
    token: str | None
    trust: ssl.SSLContext | None
    server_name: str | None
    proxy: str | None


def read_access(kubeconfig: str | None, context: str | None) -> Access:
    """Read a context; a plugin that gives credentials is run.

    Args:
        kubeconfig: path of the file; None: $KUBECONFIG, else ~/.kube/config.
        context: its context; None: the current one.

    Raises:
        WrongConfiguration: there is no such file or context, or it cannot be used.
    """
    where = kubeconfig or "$KUBECONFIG or ~/.kube/config"
    # The library reads the variable when it is imported, and would not hear of a change.
    path = str(Path(kubeconfig).expanduser()) if kubeconfig is not None else os.environ.get("KUBECONFIG") or None
    if kubeconfig is not None and not Path(kubeconfig).expanduser().is_file():
        raise WrongConfiguration(f"--kubeconfig {kubeconfig}: there is no such file; a kubeconfig is allowed")
    if kubeconfig is None and not any(Path(one).expanduser().is_file() for one in (path or _USUAL).split(os.pathsep)):
        named = f"$KUBECONFIG names {path}, which is" if path else f"$KUBECONFIG is not set, and {_USUAL} is"
        raise WrongConfiguration(f"There is no kubeconfig: {named} not there; --kubeconfig FILE names one")
    try:
        contexts, current = config.list_kube_config_contexts(path)  # type: ignore[no-untyped-call]  # the library's
        chosen = _chosen(contexts, current, context)
        configuration = Configuration()
        with _complaints() as complaints:
            config.load_kube_config(path, chosen["name"], configuration, persist_config=False)  # type: ignore[no-untyped-call]
        token = _token(configuration)
        if token is None and complaints:
            raise WrongConfiguration(f"The context {chosen['name']} gives no credentials: {'; '.join(complaints)}")
        return Access(
            context=chosen["name"],
            namespace=chosen["context"].get("namespace") or "default",
            url=configuration.host.rstrip("/"),
            token=token,
            trust=_trust(configuration),
            server_name=getattr(configuration, "tls_server_name", None),
            proxy=configuration.proxy,
        )
    except _UNREADABLE as error:
        raise WrongConfiguration(f"The kubeconfig ({where}) cannot be used: {error}") from None


def _chosen(contexts: list[dict[str, Any]], current: dict[str, Any], name: str | None) -> dict[str, Any]:
    if name is None:
        return current
    for context in contexts:
        if context["name"] == name:
            return context
    names = ", ".join(str(context["name"]) for context in contexts)
    raise WrongConfiguration(f"--context {name}: there is no such context; allowed: {names}")


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Take what the library would only log: that a program which gives credentials failed, and why."""
    said: list[str] = []

    class Taken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler = Taken(logging.ERROR)
    logging.getLogger().addHandler(handler)
    try:
        yield said
    finally:
        logging.getLogger().removeHandler(handler)


def _token(configuration: Configuration) -> str | None:
    """Give the bearer token; a user name with a password is none."""
    words = str(configuration.api_key.get("BearerToken", ""))
    return words.removeprefix(_BEARER).strip() or None if words.startswith(_BEARER) else None


def _trust(configuration: Configuration) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https:"):
        return None
    trust = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        trust.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return trust
