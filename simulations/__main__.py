"""`python -m simulations`: run every study and write its figures; with --check only compare them (exit 1)."""

import sys
from pathlib import Path

from simulations import sweeps as of_sweeps
from simulations.figures import FOLDER, renewed, studies, sweeps


def main(arguments: list[str]) -> int:
    """Renew or compare the studies named, or all."""
    is_check = "--check" in arguments
    names = [one for one in arguments if one != "--check"]
    unknown = sorted(set(names) - {folder.name for folder in studies()})
    if unknown:
        print(f"no study: {', '.join(unknown)}; there are {', '.join(folder.name for folder in studies())}")
        return 2
    changed = [folder for folder in studies() if not names or folder.name in names if _renew(folder, is_check)]
    return 1 if is_check and changed else 0


def _renew(folder: Path, is_check: bool) -> bool:
    """Renew one study; tell whether its figures differ from what was written."""
    differs = False
    if folder in sweeps():
        differs = _write(folder / of_sweeps.EXPECTED, of_sweeps.expected(folder), is_check)
    return _write(folder / "README.md", renewed(folder), is_check) or differs


def _write(file: Path, text: str, is_check: bool) -> bool:
    """Write a file anew, or with `is_check` only compare; tell whether it differs from what was there."""
    differs = not file.exists() or text != file.read_text(encoding="utf-8")
    if differs and not is_check:
        file.write_text(text, encoding="utf-8")
    verdict = ("differs" if is_check else "written") if differs else "as it was"
    print(f"{file.relative_to(FOLDER.parent)}: {verdict}", flush=True)
    return differs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
