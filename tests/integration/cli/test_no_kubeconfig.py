"""A machine without a kubeconfig: which file was looked for, and what names another."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root


def asked(**variables: str) -> Result:
    """Ask for settings to start with, which needs a cluster."""
    return CliRunner(env=variables).invoke(root, ["init", "--prometheus", "http://127.0.0.1:1"], prog_name="autoscaler")


@pytest.mark.parametrize("named", ["/nowhere", "/nowhere:/nothing"])
def test_a_variable_that_names_no_file_is_repeated(named: str) -> None:
    """Where $KUBECONFIG names files of which none is there, they are named, and the option that names another."""
    result = asked(KUBECONFIG=named)
    assert result.exit_code == 2
    assert all(word in result.output for word in (f"$KUBECONFIG names {named}", "--kubeconfig")), result.output


def test_without_a_variable_the_usual_file_is_named(tmp_path: Path) -> None:
    """Where nothing is set and the usual file is not there, both are said."""
    result = asked(KUBECONFIG="", HOME=str(tmp_path))
    assert result.exit_code == 2
    assert all(word in result.output for word in ("not set", "~/.kube/config", "--kubeconfig")), result.output


def test_one_of_several_files_is_enough_to_be_read(tmp_path: Path) -> None:
    """Of several files one that is there is read; what is wrong is then its content."""
    empty = tmp_path / "config"
    empty.write_text("")
    result = asked(KUBECONFIG=f"/nowhere:{empty}")
    assert result.exit_code == 2
    assert "cannot be used" in result.output, result.output
