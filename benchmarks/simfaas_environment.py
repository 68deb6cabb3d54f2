"""An environment with SimFaaS in it, installed from the package index, apart from our own."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("simfaas.txt")
PLACE = Path.home() / ".cache" / "faas-autoscaler" / "benchmarks"


def python_with_simfaas() -> str:
    """Give the path of a Python that has the packages of `simfaas.txt`; the environment is made once for each such list."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    place = PLACE / f"simfaas-{digest}"
    python = place / "bin" / "python"
    done = place / "done"
    if not done.exists():
        print(f"benchmarks: {REQUIREMENTS.name} into {place}", file=sys.stderr)
        venv.create(place, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([python, *install, "-r", REQUIREMENTS], check=True)
        done.touch()
    return str(python)
