"""What the decision log says of a function: a moment, or the changes of a span."""

from collections import Counter
from collections.abc import Mapping

from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.policy.moments import parse_moment
from autoscaler.policy.quantities import parse_duration
from autoscaler.ports import ArchiveError, Caller, Clock, DecisionArchive
from autoscaler.server import views
from autoscaler.server.errors import Refused

PARAMETERS = frozenset({"at", "last"})
MOST_WAITING, MOST_EACH = 8, 2
"""Questions that wait for their turn, of all and of one caller: each may take seconds."""


class Past:
    """Answers `at` and `last` from the decision log.

    Args:
        archive: the log; None: none is kept.
        clock: what `10m ago` is counted from.
    """

    def __init__(self, archive: DecisionArchive | None, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._waiting = Counter[frozenset[str] | None]()

    async def show(self, caller: Caller, key: FunctionKey, found: Mapping[str, str]) -> views.Json:
        """Answer a question about the past.

        Raises:
            Refused: it cannot be answered, or not to this caller.
        """
        archive = self._archive
        if archive is None:
            where = "the settings: decisionLog.path, or --decision-log"
            raise Refused(404, "no decision log is kept", "query at, last", where)
        if len(found) != 1:
            raise Refused(400, "two questions at once", "query at, last", "one of them")
        if self._waiting[caller.tenants] >= MOST_EACH or self._waiting.total() >= MOST_WAITING:
            raise Refused(429, "too many questions wait", "decision log", "ask again shortly", {"Retry-After": "5"})
        self._waiting[caller.tenants] += 1
        try:
            return await self._answer(archive, caller, key, found)
        except ArchiveError as error:
            raise Refused(503, f"the decision log cannot be read: {error}", "decision log", "ask again later") from None
        finally:
            self._waiting[caller.tenants] -= 1
            self._waiting += Counter()  # which forgets whoever has none

    async def _answer(
        self, archive: DecisionArchive, caller: Caller, key: FunctionKey, found: Mapping[str, str]
    ) -> views.Json:
        if "at" in found:
            return await self._at(archive, caller, key, found["at"])
        return await self._last(archive, caller, key, found["last"])

    async def _at(self, archive: DecisionArchive, caller: Caller, key: FunctionKey, text: str) -> views.Json:
        now = self._clock.now()
        try:
            moment_s = parse_moment(text, now.utc_s)
        except ValueError as error:
            raise Refused(400, "this is no moment", "query at", str(error)) from None
        record = await archive.at(key, moment_s)
        if record is None or not caller.may_see_function(record.tenant, key):
            raise _nothing_known()
        return {"at_utc_s": moment_s, "decision": _record(caller, record, now)}

    async def _last(self, archive: DecisionArchive, caller: Caller, key: FunctionKey, text: str) -> views.Json:
        now = self._clock.now()
        try:
            since_s = now.utc_s - parse_duration(text)
        except ValueError as error:
            raise Refused(400, "this is no stretch of time", "query last", str(error)) from None
        past = await archive.changes(key, since_s, now.utc_s)
        if not any(caller.may_see_function(tenant, key) for tenant in past.tenants):
            raise _nothing_known()
        return {
            "since_utc_s": since_s,
            "read_from_utc_s": past.from_utc_s,
            "is_whole": past.is_whole,
            "lost_steps": past.lost,
            "unreadable": list(past.unreadable) if caller.tenants is None else [],
            "decisions": [
                _record(caller, record, now) for record in past.records if caller.may_see_function(record.tenant, key)
            ],
        }


def _nothing_known() -> Refused:
    """Refuse a function that the log does not have then and one that was another tenant's alike: the answer tells nothing."""
    allowed = "a function of your own tenant, and a time within the log"
    return Refused(404, "the decision log has no decision on such a function then", "path, query at, last", allowed)


def _record(caller: Caller, record: DecisionRecord, now: Now) -> views.Json:
    """Show a record; its age is told by the calendar, since monotonic time begins anew with each start of a machine."""
    age_s = now.utc_s - record.at.utc_s
    return views.record(views.as_told(caller, record), Now(record.at.monotonic_s + age_s, now.utc_s))
