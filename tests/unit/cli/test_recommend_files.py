"""Where recommended documents go."""

from pathlib import Path

import pytest

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.recommend_files import check_folder, written


def test_a_folder_is_made_and_filled(tmp_path: Path) -> None:
    """It need not be there; what is no document of a recommendation is left alone."""
    folder = tmp_path / "a" / "b"
    check_folder(folder, False)
    (folder / "README").write_text("mine")
    check_folder(folder, False)
    assert written(folder, {"tenant-shop.yaml": "kind: Tenant\n"}) == [folder / "tenant-shop.yaml"]
    assert (folder / "README").read_text() == "mine"


def test_documents_that_are_there_are_named_beforehand(tmp_path: Path) -> None:
    """They are replaced with --force alone."""
    (tmp_path / "policy-shop-a.yaml").write_text("kind: ScalingPolicy")
    with pytest.raises(WrongConfiguration, match=r"policy-shop-a\.yaml is there already; .* --force"):
        check_folder(tmp_path, False)
    check_folder(tmp_path, True)


def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """The answer names it, why, and what is allowed, before and after."""
    (tmp_path / "file").write_text("")
    for attempt in (lambda: check_folder(tmp_path / "file", True), lambda: written(tmp_path / "file", {"a": ""})):
        with pytest.raises(WrongConfiguration, match=r"file cannot be written: .*; a folder of yours is allowed"):
            attempt()
