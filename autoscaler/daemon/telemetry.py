"""Structured logs: one line per decision that changed something, with its reason's code.

Names of functions are Kubernetes names; label values, tokens and query texts never come here.
"""

import json
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TextIO

import structlog

from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import ScaleOutcome, SourceHealth, WriteFailure

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("autoscaler")


def configure(level: str, stream: TextIO = sys.stderr) -> None:
    """Write logs as one JSON object per line, those of libraries too (from `warning` on).

    Args:
        level: least level written: debug, info, warning or error.
        stream: where to.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    library = logging.StreamHandler(stream)
    library.setFormatter(_JSONLines())
    logging.basicConfig(handlers=[library], level=logging.WARNING, force=True)


class _JSONLines(logging.Formatter):
    """Writes what libraries log as our own lines are written."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"logger": record.name, "event": record.getMessage(), "level": record.levelname.lower()}
        line["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def decided(records: Iterable[DecisionRecord], is_dry: Callable[[FunctionKey], bool]) -> None:
    """Log decisions that are to change replicas, unless a dry run, which each line then says, keeps them from it.

    Where nobody reads such lines no record is made: after the first tick over 100,000 functions that is five seconds.
    """
    if log.get_effective_level() > logging.INFO:
        return
    for record in records:
        log.info(
            "decision",
            function=str(record.key),
            tenant=record.tenant,
            requested=record.requested,
            desired=record.desired,
            ready=record.ready,
            seen=record.seen.name,
            reason=record.reason.name,
            is_tick=record.is_tick,
            dry_run=is_dry(record.key),
        )


def recalled(moments: int, reaches_s: float, asked_s: float, problems: Mapping[str, str]) -> None:
    """Log how far back the past reaches that the controller was told; what it does not reach holds what runs."""
    log.info("past recalled", moments=moments, reaches_s=round(reaches_s, 1), asked_s=round(asked_s, 1))
    for source, problem in problems.items():
        log.warning("past cannot be read", source=source, error=problem)


def write_failed(failure: WriteFailure) -> None:
    """Log a write that did not go through; a lost race is ordinary, a missing right is not."""
    say = log.info if failure.outcome in (ScaleOutcome.LOST, ScaleOutcome.GONE) else log.warning
    say("write failed", function=str(failure.key), outcome=failure.outcome.value, message=failure.message)


def left_alone(key: FunctionKey, writer: str, changes: int) -> None:
    """Log that a function is left to a foreign writer."""
    log.warning("left to a foreign writer", function=str(key), manager=writer, changes=changes)


class SourceLog:
    """Says once when a source falls sick and once when it is well again, and remembers when it last was."""

    def __init__(self) -> None:
        self._is_ok: dict[str, bool] = {}
        self._ok_at_s: dict[str, float] = {}

    def take(self, sources: Sequence[SourceHealth], now_s: float) -> None:
        """Compare with the last reading.

        Args:
            now_s: monotonic seconds.
        """
        for source in sources:
            if source.is_ok != self._is_ok.get(source.name, True):
                say = log.info if source.is_ok else log.warning
                say("source answers again" if source.is_ok else "source fails", source=source.name, error=source.error)
            self._is_ok[source.name] = source.is_ok
            if source.is_ok:
                self._ok_at_s[source.name] = now_s

    def aged(self, sources: Sequence[SourceHealth], now_s: float) -> Sequence[SourceHealth]:
        """Add to each how long ago it last answered whole."""
        return [
            replace(source, whole_age_s=now_s - self._ok_at_s[source.name]) if source.name in self._ok_at_s else source
            for source in sources
        ]
