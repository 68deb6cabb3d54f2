"""Pipes as files: what `autoscaler convert <(kubectl get …)` comes to in a shell."""

import os
from pathlib import Path
from threading import Thread

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


def through_a_pipe(folder: Path, text: str, *command: str) -> Result:
    """Run a command on a pipe into which a text is written."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=(text,), daemon=True)
    writer.start()
    result = CliRunner().invoke(root, [*command, str(pipe)])
    if result.exit_code != 2:
        writer.join()
    return result


def test_a_pipe_is_converted(tmp_path: Path) -> None:
    """What stands in a pipe becomes a policy, as what stands in a file does."""
    result = through_a_pipe(tmp_path, SCALED, "convert")
    assert result.exit_code == 0, result.output
    assert "name: thumbnail" in result.stdout


def test_a_pipe_is_checked(tmp_path: Path) -> None:
    """What is wrong in a pipe is found, with its line."""
    result = through_a_pipe(tmp_path, POLICY, "check", "--output", "json")
    assert result.exit_code == 1, result.output
    assert all(word in result.stdout for word in ('"line": 4', "traget")), result.stdout


@pytest.mark.parametrize(("place", "why"), [("/dev/null", "is no file"), ("nowhere", "is not there")])
def test_what_is_neither_is_said(place: str, why: str) -> None:
    """A device, and what is not there, are told apart."""
    result = CliRunner().invoke(root, ["convert", place])
    assert result.exit_code == 2
    assert why in result.output
