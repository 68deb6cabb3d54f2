"""Pipes as files: what `autoscaler convert <(kubectl get …)` comes to in a shell."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root

SCALED = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: thumbnail, namespace: shop}
spec:
  scaleTargetRef: {name: thumbnail}
  triggers: [{type: prometheus, metadata: {query: jobs_waiting, threshold: "5"}}]
"""

POLICY = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: shop}
spec: {metrics: [{type: rps, traget: 5}]}
"""


def through_a_pipe(text: str, *command: str) -> Result:
    """Run a command on a pipe that is open already, as a shell hands it over."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "w") as pipe:
            pipe.write(text)
        return CliRunner().invoke(root, [*command, f"/dev/fd/{reading}"])
    finally:
        os.close(reading)


def test_a_pipe_is_converted() -> None:
    """What stands in a pipe becomes a policy, as what stands in a file does."""
    result = through_a_pipe(SCALED, "convert")
    assert result.exit_code == 0, result.output
    assert "name: thumbnail" in result.stdout


def test_a_pipe_is_checked() -> None:
    """What is wrong in a pipe is found, with its line."""
    result = through_a_pipe(POLICY, "check", "--output", "json")
    assert result.exit_code == 1, result.output
    assert all(word in result.stdout for word in ('"line": 4', "traget")), result.stdout


def test_a_pipe_that_nobody_has_opened_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that stands in a folder is refused: it may have no writer."""
    os.mkfifo(tmp_path / "pipe.yaml")
    result = CliRunner().invoke(root, ["convert", str(tmp_path / "pipe.yaml")])
    assert result.exit_code == 2
    assert "is no file" in result.output


@pytest.mark.parametrize(("place", "why"), [("/dev/null", "is no file"), ("nowhere", "is not there")])
def test_what_is_neither_is_said(place: str, why: str) -> None:
    """A device, and what is not there, are told apart."""
    result = CliRunner().invoke(root, ["convert", place])
    assert result.exit_code == 2
    assert why in result.output
