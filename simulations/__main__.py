"""`python -m simulations`: run every study and write its figures; with --check only compare them (exit 1)."""

import sys
from pathlib import Path

from simulations.figures import FOLDER, renewed, studies


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
    readme = folder / "README.md"
    text = renewed(folder)
    differs = text != readme.read_text(encoding="utf-8")
    if differs and not is_check:
        readme.write_text(text, encoding="utf-8")
    verdict = ("differs" if is_check else "written") if differs else "as it was"
    print(f"{readme.relative_to(FOLDER.parent)}: {verdict}", flush=True)
    return differs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
