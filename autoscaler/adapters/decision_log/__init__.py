"""The decision log on disk: written by a thread of its own, read by whoever asks."""

from autoscaler.adapters.decision_log.archive import FileArchive
from autoscaler.adapters.decision_log.writer import DecisionLog

__all__ = ["DecisionLog", "FileArchive"]
