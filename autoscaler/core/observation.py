"""What a tick has seen: loads and replicas, one row per function of a fleet."""

from dataclasses import dataclass, field

from autoscaler.core.columns import Bools, Codes, Floats, left_out, no_codes, no_flags
from autoscaler.core.fleet import Fleet


@dataclass(frozen=True, slots=True, eq=False)
class PanicAverages:
    """Averages over the panic window, ready-made. Both `(functions,) float64`; nan: unknown.

    Attributes:
        rps: requests/s.
        concurrency: requests in flight.
    """

    rps: Floats
    concurrency: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """One sample of every function's load. Every column has shape `(functions,)`.

    A sample is a mean over the source's range `range_s`, the stretch (now − range_s, now]. Values that
    are not known are nan; a row without any known value is unknown. The daemon never invents a zero.

    Attributes:
        rps: float64, requests/s; nan: unknown.
        concurrency: float64, mean requests in flight; nan: unknown.
        in_flight: float64, requests in flight at the end of the range; nan: unknown.
        is_covered: bool, every scrape of the range found its target up; else values are lower bounds.
        is_idle: bool, proof of zero over the range: covered, the function's own series (or a sign of
            life that names it) exists, no counter moved or appeared, and nothing is in flight.
        range_s: float64, seconds that the sample covers.
        others: `(lanes,) float64`, values of `fleet.others`; nan: unknown. Left out: all unknown.
        others_idle: `(lanes,) bool`, what this lane watches is proven to be idle: its queue is empty, its activity
            query says 0. Left out: nowhere.
        panic: averages ready-made (recordings have them): then `rps` and `concurrency` are the averages over the
            stable window, and both are used as they are. None: averages are made from the samples.
    """

    rps: Floats
    concurrency: Floats
    in_flight: Floats
    is_covered: Bools
    is_idle: Bools
    range_s: Floats
    others: Floats = field(default_factory=left_out)
    others_idle: Bools = field(default_factory=no_flags)
    panic: PanicAverages | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """Everything a full tick decides on.

    Attributes:
        fleet: the functions and their rules; the rows of all other columns.
        load: the sample of this tick.
        requested: `(functions,) float64`, `spec.replicas`.
        ready: `(functions,) float64`, replicas that can serve now.
        waiting: `(functions,) float64`, requests held in a wake until a replica is ready.
        is_held: `(functions,) bool`, left alone because a foreign writer holds it.
        obstacle: `(functions,) uint8`, `Obstacle`: why replicas are missing. Left out: nothing is known of any.
    """

    fleet: Fleet
    load: Load
    requested: Floats
    ready: Floats
    waiting: Floats
    is_held: Bools
    obstacle: Codes = field(default_factory=no_codes)
