"""Options of commands that give tenants their objects."""

import functools
import re
from collections.abc import Callable, Sequence

import click

from autoscaler.cli import times
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.policy.onboarding.site import WEBHOOK, Site
from autoscaler.policy.onboarding.subjects import Subject, SubjectKind, parse_subject
from autoscaler.policy.strict import DNS_NAME, HTTP_URL

DNS_NAME_WORDS = "1 to 63 lower-case letters, digits and hyphens, a letter or digit at both ends"
MAIN_ACCOUNT = "autoscaler/autoscaler"


def site_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that are the same for every tenant, and hand them on as one `site`."""

    @functools.wraps(command)
    def bundled(
        *,
        url: str,
        ca_config_map: str | None,
        group: Sequence[str],
        user: Sequence[str],
        service_account: Sequence[str],
        daemon_rights: str | None,
        most_policies: int,
        slow: str,
        **others: object,
    ) -> None:
        if not re.fullmatch(HTTP_URL, url):
            raise WrongConfiguration(f"--url {url} is no http or https URL; allowed: such as {WEBHOOK}")
        team = [
            *_subjects("Group", "--group", group),
            *_subjects("User", "--user", user),
            *_subjects("ServiceAccount", "--service-account", service_account),
        ]
        config_map = None if ca_config_map is None else dns_name("--ca-config-map", ca_config_map)
        site = Site(
            url, config_map, tuple(team), _daemon(daemon_rights), most_policies or None, duration_s("--slow", slow)
        )
        command(site=site, **others)

    for option in _OPTIONS:
        bundled = option(bundled)
    return bundled


_OPTIONS = (
    click.option(
        "--most-policies",
        type=click.IntRange(0, 100_000),
        default=100,
        show_default=True,
        help="ScalingPolicies that a namespace may have, as a ResourceQuota; 0: no limit.",
    ),
    click.option(
        "--slow",
        default="1s",
        show_default=True,
        metavar="DURATION",
        help="95th percentile that FunctionSlow is about.",
    ),
    click.option(
        "--daemon-rights",
        is_flag=False,
        flag_value=MAIN_ACCOUNT,
        metavar="NAMESPACE/NAME",
        help="Also bind the daemon's service account to its rights on functions; for rights that end at namespaces. "
        f"Without a value: {MAIN_ACCOUNT}.",
    ),
    click.option(
        "--service-account",
        multiple=True,
        metavar="[NAMESPACE/]NAME",
        help="A service account of the team; without NAMESPACE that of each namespace.",
    ),
    click.option("--user", multiple=True, metavar="NAME", help="A user of the team."),
    click.option(
        "--group",
        multiple=True,
        metavar="NAME",
        help="A group of the team, as the cluster's authentication calls it; {tenant} stands for the tenant's name.",
    ),
    click.option(
        "--ca-config-map",
        metavar="NAME",
        help="ConfigMap in each namespace with the CA of an https webhook, key ca.crt.",
    ),
    click.option(
        "--url",
        default=WEBHOOK,
        show_default=True,
        metavar="URL",
        help="The daemon's webhook, as Alertmanager reaches it.",
    ),
)


def dns_name(option: str, text: str) -> str:
    """Give a name that objects may have.

    Raises:
        WrongConfiguration: it is none.
    """
    if not re.fullmatch(DNS_NAME, text):
        raise WrongConfiguration(f"{option} {times.quoted(text)} is no name of an object; allowed: {DNS_NAME_WORDS}")
    return text


def duration_s(option: str, text: str, least_s: float = 0.0) -> float:
    """Give the seconds of a duration above 0, and of `least_s` at least.

    Raises:
        WrongConfiguration: it is none.
    """
    seconds = times.duration_s(option, text)
    if seconds <= 0 or seconds < least_s:
        raise WrongConfiguration(f"{option} {text} is too short; allowed: {max(least_s, 0.001):g}s and more")
    return seconds


def _subjects(kind: SubjectKind, option: str, names: Sequence[str]) -> list[Subject]:
    found = []
    for name in names:
        try:
            found.append(parse_subject(kind, name))
        except ValueError as error:
            raise WrongConfiguration(f"{option} {times.quoted(name)} can be nobody; allowed: {error}") from None
    return found


def _daemon(account: str | None) -> Subject | None:
    if account is None:
        return None
    if "/" not in account:
        raise WrongConfiguration(f"--daemon-rights {times.quoted(account)} lacks a namespace; allowed: NAMESPACE/NAME")
    return _subjects("ServiceAccount", "--daemon-rights", [account])[0]
