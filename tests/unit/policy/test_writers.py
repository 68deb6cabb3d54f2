"""Advice about other writers: a name in, words out."""

import pytest

from autoscaler.policy.writers import advice


@pytest.mark.parametrize(
    ("writer", "word"),
    [
        ("argocd-controller", "RespectIgnoreDifferences"),
        ("argocd-application-controller", "RespectIgnoreDifferences"),
        ("kustomize-controller", "Flux"),
        ("helm", "chart"),
        ("helm-controller", "drift detection"),
        ("faas-netes", "OpenFaaS CE"),
        ("kubectl", "ScalingPolicy"),
        ("kubectl-client-side-apply", "ScalingPolicy"),
        ("kube-controller-manager", "HorizontalPodAutoscaler"),
        ("HorizontalPodAutoscaler shop", "delete it"),
    ],
)
def test_known_writers_get_the_setting_that_ends_it(writer: str, word: str) -> None:
    """Whoever is known by name is told what to set in its own terms."""
    assert word in advice(writer)


@pytest.mark.parametrize("writer", ["unnamed", "", "our-own-tool"])
def test_others_get_what_always_helps(writer: str) -> None:
    """A writer without a known name is answered too."""
    assert "`replicas`" in advice(writer)
