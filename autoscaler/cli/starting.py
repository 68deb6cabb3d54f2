"""The folder that `init` writes: settings, policies, and the operator's token."""

import functools
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoscaler.adapters import files
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.settings import load_settings
from autoscaler.policy.check import check
from autoscaler.policy.problems import Problem

_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Folder:
    """Where everything goes.

    Attributes:
        path: the folder.
        is_forced: whether files that are there are replaced; a token that is there stays, and who has it known.
    """

    path: Path
    is_forced: bool

    @property
    def settings(self) -> Path:
        """The daemon's settings."""
        return self.path / "settings.yaml"

    @property
    def policies(self) -> Path:
        """The folder of policy documents."""
        return self.path / "policies"

    @property
    def token(self) -> Path:
        """The operator's token."""
        return self.path / "token"

    @property
    def helm_values(self) -> Path:
        """Values for the chart."""
        return self.path / "helm-values.yaml"

    @functools.cached_property
    def _secret(self) -> str:
        try:
            return self.token.read_text().strip() or secrets.token_urlsafe(_TOKEN_BYTES)
        except (OSError, UnicodeDecodeError):
            return secrets.token_urlsafe(_TOKEN_BYTES)

    @property
    def token_sha256(self) -> str:
        """What settings have of the token."""
        return hashlib.sha256(self._secret.encode()).hexdigest()

    def refuse_to_replace(self, paths: Sequence[Path]) -> None:
        """Leave alone what is there.

        Raises:
            WrongConfiguration: one of the files is there already, and nothing was said of replacing it.
        """
        there = [str(path) for path in paths if path.exists()]
        if there and not self.is_forced:
            raise WrongConfiguration(
                f"{', '.join(there)}: there already, and nothing was written; allowed: another --output-dir, or --force"
            )

    def write(self, texts: Mapping[Path, str]) -> list[Path]:
        """Write everything and the token, or nothing where one of the files is there already; give all of them.

        Raises:
            WrongConfiguration: a file is there already, or cannot be written.
        """
        self.refuse_to_replace([*texts, self.token])
        try:
            self.policies.mkdir(parents=True, exist_ok=True)
            for path, text in texts.items():
                path.write_text(text)
            secret = self._secret
            self.token.touch(mode=0o600)
            self.token.write_text(secret)
        except OSError as error:
            where = error.filename or self.path
            allowed = "a folder that this user may make and write"
            raise WrongConfiguration(f"--output-dir: {where}: {error.strerror}; allowed: {allowed}") from None
        return [*texts, self.token]

    def problems(self) -> list[Problem]:
        """Check settings and policies as they stand in the folder, those of another time included."""
        loaded = load_settings(str(self.settings), {})
        if loaded.settings is None:
            return list(loaded.problems)
        texts = {str(self.policies / name): text for name, text in files.read(self.policies).items()}
        return [*loaded.problems, *check(loaded.settings, texts)]
