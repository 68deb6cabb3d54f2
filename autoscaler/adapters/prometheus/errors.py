"""What can be wrong with a source's answers. No message carries a URL, a header, a query or a label."""


class SourceError(Exception):
    """A source gave no whole answer; everything it would have told is unknown."""


class AnswerError(SourceError):
    """An answer came, and is not one that may be believed."""


class UnclearError(AnswerError):
    """A whole answer came, and does not say what was asked: asking again costs little, and may be answered."""


class UnscrapedError(AnswerError):
    """Prometheus answers, and has no target of the gateway; it may have one at its next scrape."""


class UnavailableError(SourceError):
    """The server says that it cannot answer now (429, 5xx): the other queries are not sent either."""


class ClockError(SourceError):
    """Its clock and this machine's differ: what it was asked of now would be of another time."""


class ConnectError(SourceError):
    """No answer came: refused, broken off, or no name, certificate or credential to connect with."""


class DeadlineError(SourceError):
    """The answer was not whole at the deadline."""


class StuckError(DeadlineError):
    """Whoever was asked did not even say so."""


class SilentError(StuckError):
    """The whole process that was asked says nothing."""


class LargeError(SourceError):
    """The answer is larger than a worker that sources share may read: it is asked for again in another."""


class WorkerLost(SourceError):
    """The process that was asked ended before it answered."""
