"""What to set so that another writer leaves replicas alone, said to whoever asks why a function is left alone."""

_ADVICE = (
    ("HorizontalPodAutoscaler", "delete it, or leave this function to it: replicas can have one autoscaler"),
    ("argocd", "leave `replicas` out of the manifest, or set ignoreDifferences with RespectIgnoreDifferences=true"),
    ("kustomize-controller", "leave `replicas` out of the manifest that Flux applies"),
    ("helm", "leave `replicas` out of the chart, and /spec/replicas out of drift detection"),
    (
        "OpenFaaS CE",
        "it sets 0 back to 1 and more than 5 to 5, so neither zero nor more than 5 replicas can be had with it; set "
        "`zero: null` and `max: 5`, or use another edition",
    ),
    (
        "faas-netes",
        "OpenFaaS's own autoscaler writes it, or OpenFaaS CE, which sets 0 back to 1 and more than 5 to 5: switch the "
        "first off; with the second set `zero: null` and `max: 5`",
    ),
    ("kube-controller-manager", "a HorizontalPodAutoscaler wrote it: delete it, or leave this function to it"),
    (
        "kubectl",
        "leave `replicas` out of what is applied, and set bounds in its ScalingPolicy instead of scaling by hand",
    ),
    ("", "let one of the two scale it: leave `replicas` out of its manifest, or pause the function here"),
)


def advice(writer: str) -> str:
    """Say what ends the conflict with a writer.

    Args:
        writer: a field manager, or an autoscaler in words; one that is not known gets advice that fits all.
    """
    return next(words for beginning, words in _ADVICE if writer.startswith(beginning))
