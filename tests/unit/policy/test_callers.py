"""Callers by certificate where nobody is asked for one."""

import pytest

from autoscaler.policy.callers import certificate_mark, login_mark, problems_of_callers, token_mark
from autoscaler.policy.settings import Settings

BY_CERTIFICATE = {"certificateSAN": "DNS:a.example"}
TLS = {"certFile": "c", "keyFile": "k"}


def settings(tls: object) -> Settings:
    gateway = {"profile": "openfaas", "callers": [{"tokenSHA256": "0" * 64}, BY_CERTIFICATE]}
    sources = {"main": {"url": "http://p", "gateways": [gateway]}}
    return Settings.model_validate({"operators": [BY_CERTIFICATE], "sources": sources, "tls": tls})


@pytest.mark.parametrize("tls", [None, TLS])
def test_a_certificate_that_nobody_is_asked_for_is_a_problem(tls: object) -> None:
    """Without `tls.clientCAFile` each caller by certificate is named, with its place and what is allowed."""
    problems = list(problems_of_callers(settings(tls)))
    assert [problem.path for problem in problems] == [
        "operators[0].certificateSAN",
        "sources.main.gateways[0].callers[1].certificateSAN",
    ]
    assert all("clientCAFile" in problem.allowed for problem in problems)


def test_with_an_authority_of_clients_they_are_none() -> None:
    """The same settings with `tls.clientCAFile` are right."""
    assert list(problems_of_callers(settings(TLS | {"clientCAFile": "a"}))) == []


def test_dns_names_are_the_same_in_any_case_of_theirs_alone() -> None:
    """ASCII letters have no case; the Kelvin sign, whose small letter is k, is no k."""
    assert certificate_mark("DNS:Kay.Example") == certificate_mark("DNS:kay.example")
    assert certificate_mark("DNS:\u212aay.example") != certificate_mark("DNS:kay.example")
    assert certificate_mark("URI:spiffe://a/B") != certificate_mark("URI:spiffe://a/b")


def test_marks_of_different_kinds_never_meet() -> None:
    """No token, login or certificate's name has the mark of one of another kind, whatever is chosen for it."""
    marks = {token_mark("a"), login_mark("a", b""), login_mark("", b"a"), certificate_mark("DNS:a")}
    marks |= {token_mark("DNS:a"), certificate_mark("token:a"), certificate_mark("login:a"), login_mark("a", b"a")}
    assert len(marks) == 8
