"""The simulated functions: their replicas, who is being served, who waits, as rows of arrays that kernels work on."""

from collections.abc import Callable, Sequence
from math import inf

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.held import Come, HeldRequests, HoldRule
from autoscaler.simulator.kernels.pooled import account, advance, note, settle, shrink
from autoscaler.simulator.kernels.routing import account_routed, advance_routed, shrink_routed, stand
from autoscaler.simulator.kernels.state import Ask, Column, Functions, new_functions
from autoscaler.simulator.laws import Law
from autoscaler.simulator.regions import Regions
from autoscaler.simulator.request_stream import RequestStream, StartTimes
from autoscaler.simulator.routed import (
    ROUTINGS,
    in_lines,
    remaining_s,
    room_for_cuts,
    room_for_one,
    room_for_replicas,
    take_chances,
)
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.statistics import FunctionStatistics
from autoscaler.simulator.streams import named
from autoscaler.simulator.workload import Workload

__all__ = ["FunctionSpec", "SimulatedFunctions"]

Kernel = Callable[[Ints, float, Functions, Floats, Floats, Ints, Ints], int]
"""One that lets everything up to a time happen to functions."""

UNBOUNDED = int(np.iinfo(np.int64).max)


class SimulatedFunctions:
    """Functions by row: replicas with places, one queue before them, first come first served.

    All places of a function are one pool: with service times that do not depend on a replica's company it makes no
    difference which replica has a free place. It does when replicas go: the idle ones go first.
    Behind an obstacle no further replica starts: those that are asked for are missing until it is gone.

    Attributes:
        specs: what the functions are.
        rows: `(functions,) FUNCTION`, what the kernels know of them.
        columns: `(columns, functions) float64`, by `Column`.
        obstacles: `(functions,) uint8`, what stands in the way of each.

    Args:
        functions: the first of them, with their workloads, by row; their replicas are ready at once, at second 0.
        root: whose seed all random numbers are drawn under, by the function's name and what they are for.
        start: start-up time of a replica whose function says nothing else.
    """

    def __init__(
        self, functions: Sequence[tuple[FunctionSpec, Workload | None]], root: np.random.Generator, start: float | Law
    ) -> None:
        self.specs = [spec for spec, _ in functions]
        self._root, self._start_law = root, start
        self._regions = Regions()
        self._workloads = [workload for _, workload in functions]
        self._streams = [RequestStream(spec, workload, root) for spec, workload in functions]
        self._starts = [StartTimes(spec, spec.start_law(start), root) for spec in self.specs]
        self._choices = [_choices(spec, root) for spec in self.specs]
        self._held: list[HeldRequests | None] = [None] * len(functions)
        rows = _rows(self.specs, self._streams, 0.0)
        self._set_up(rows, _columns(rows))
        self.obstacles = np.full(len(functions), Obstacle.NONE, dtype=np.uint8)
        for row in np.flatnonzero(rows["routing"]).tolist():
            self._stand(row)

    def insert(self, row: int, spec: FunctionSpec, workload: Workload | None, now_s: float) -> None:
        """Put a function there, whose replicas are ready at once; those behind it move on by a row."""
        stream = RequestStream(spec, workload, self._root, now_s)
        self.specs.insert(row, spec)
        self._workloads.insert(row, workload)
        self._streams.insert(row, stream)
        self._starts.insert(row, StartTimes(spec, spec.start_law(self._start_law), self._root))
        self._choices.insert(row, _choices(spec, self._root))
        self._held.insert(row, None)
        one = _rows([spec], [stream], now_s)
        self._set_up(np.insert(self.rows, row, one), np.insert(self.columns, row, _columns(one)[:, 0], axis=1))
        self.obstacles = np.insert(self.obstacles, row, Obstacle.NONE)
        self._stand(row)

    def delete(self, row: int) -> None:
        """Take a function away, with its requests and statistics; those behind it move up."""
        self._regions.release(self.rows[row])
        for column in (self.specs, self._workloads, self._streams, self._starts, self._choices, self._held):
            del column[row]
        self._set_up(np.delete(self.rows, row), np.delete(self.columns, row, axis=1))
        self.obstacles = np.delete(self.obstacles, row)

    def _set_up(self, rows: Functions, columns: Floats) -> None:
        self.rows, self.columns = rows, np.ascontiguousarray(columns)
        self._is_routed = rows["routing"] > 0
        self._has_routed = bool(self._is_routed.any())
        self._asking, self._asks = np.zeros((2, len(rows)), dtype=np.int64)

    def advance(self, rows: Ints, until_s: float) -> None:
        """Let everything up to and with `until_s` happen to these rows."""
        if self._has_routed:
            is_routed = self._is_routed[rows]
            self._advance(advance_routed, rows[is_routed], until_s)
            rows = rows[~is_routed]
        self._advance(advance, rows, until_s)

    def _advance(self, kernel: Kernel, rows: Ints, until_s: float) -> None:
        while len(rows):
            stopped = kernel(rows, until_s, self.rows, self._regions.pool, self.columns, self._asking, self._asks)
            rows = self._asking[:stopped]
            for row, ask in zip(rows.tolist(), self._asks[:stopped].tolist(), strict=True):
                self._serve(row, Ask(ask), until_s)

    def _account(self, row: int, at_s: float) -> None:
        """Add up requests and replicas to a time, before anything about them changes."""
        (account_routed if self.rows[row]["routing"] else account)(row, at_s, self.rows)

    def _stand(self, row: int) -> None:
        """Put the replicas that are ready at the start where each has requests of its own."""
        one = self.rows[row]
        if one["routing"]:
            ready, one["ready"] = int(one["ready"]), 0
            room_for_replicas(one, self._regions, ready)
            stand(row, ready, self.rows, self._regions.pool)

    def look_ahead(self, row: int, until_s: float) -> None:
        """Draw further requests of a function whose drawn ones are used up, as far as a time."""
        self._draw(row, until_s)
        self.advance(_only(row), -inf)

    def is_used_up(self, rows: Ints) -> Bools:
        """Tell which of these rows have no request left of those that were drawn."""
        result: Bools = self.rows["arrivals_next"][rows] >= self.rows["arrivals_end"][rows]
        return result

    def obstacle(self, row: int) -> Obstacle:
        """Why replicas are missing, as Kubernetes would say it; a replica that merely starts is not ready."""
        one = self.rows[row]
        if one["ready"] >= one["requested"]:
            return Obstacle.NONE
        return Obstacle(int(self.obstacles[row])) if one["missing"] else Obstacle.NOT_READY

    def foreseen(self, row: int) -> RequestStream:
        """Give the very requests that the function meets, from second 0 on, once more."""
        return RequestStream(self.specs[row], self._workloads[row], self._root)

    def hold_by(self, row: int, rule: HoldRule) -> None:
        """Hold requests that find no ready replica as a policy says, no more than the gateway's queue takes."""
        spec = self.specs[row]
        if spec.gateway_queue is not None:
            rule = rule._replace(waiters=min(rule.waiters, spec.gateway_queue))
        self._held[row] = HeldRequests(spec.key, rule, _or(spec.hold_s, inf))
        self.rows[row]["holds"] = 1

    def decided(self, row: int, decisions: Decisions, events: Sequence[Event], now_s: float) -> None:
        """Take in what a step made of the requests that are held."""
        held = self._held[row]
        if held is not None and len(held) and (gone := held.decided(decisions, events)):
            self._give_up(row, held, gone, now_s)
            self.advance(_only(row), now_s)

    def scale(self, row: int, replicas: int, now_s: float) -> None:
        """Ask for replicas."""
        one = self.rows[row]
        if replicas < 0:
            raise ValueError(f"{self.specs[row].key}: {replicas} replicas; at least 0")
        self._account(row, now_s)
        more = replicas - int(one["requested"])
        one["requested"] = self.columns[Column.REQUESTED, row] = replicas
        one["replicas_max"] = max(int(one["replicas_max"]), replicas)
        if more > 0:
            self._start(row, more, now_s)
        elif more < 0:
            self._remove(row, -more, now_s)
        self.advance(_only(row), now_s)

    def obstruct(self, row: int, obstacle: Obstacle, now_s: float) -> None:
        """Put an obstacle in the way of replicas that are not ready, or take it away.

        Pods that are not ready to serve stay so, those that start now included; the other obstacles hold up only
        what has no node yet.
        """
        one = self.rows[row]
        self._account(row, now_s)
        were_begun = self.obstacles[row] == Obstacle.NOT_READY
        self.obstacles[row] = obstacle
        one["crashing"] = obstacle is Obstacle.NOT_READY
        if obstacle is Obstacle.NOT_READY:
            one["starts"] += 0 if were_begun else one["missing"]  # now they have a place, and crash in it
            one["missing"] += one["starting"]
            one["starting"] = 0
        elif obstacle is Obstacle.NONE:
            missing, one["missing"] = int(one["missing"]), 0
            one["starts"] -= missing if were_begun else 0
            self._start(row, missing, now_s)
        settle(row, self.rows, self._regions.pool)
        self.advance(_only(row), now_s)

    def carried_in(self, row: int) -> None:
        self.rows[row]["started"] += 1
        self.rows[row]["carried"] += 1

    def carried_out(self, row: int) -> None:
        if not self.rows[row]["carried"]:
            raise ValueError(f"{self.specs[row].key}: no carried request is in flight")
        self.rows[row]["carried"] -= 1
        self.rows[row]["finished"] += 1

    def statistics(self, row: int, now_s: float) -> FunctionStatistics:
        """Give what happened to a function up to now."""
        self._account(row, now_s)
        one, held = self.rows[row], self._held[row]
        came_s = [come.at_s for come in held.still()] if held is not None else []
        still_s = now_s - np.concatenate([self._regions.queued(one)[:, 0], in_lines(one, self._regions), came_s])
        ahead_s = remaining_s(one, self._regions, now_s) if one["routing"] else self._regions.remaining_s(one, now_s)
        counts = {name: int(one[column]) for name, column in _COUNTS.items()}
        sums = {name: float(one[name]) for name in _SUMS}
        return FunctionStatistics(
            late=0 if held is None else held.late,
            turned_away=0 if held is None else held.turned_away,
            waits=self._regions.waits(one, still_s),
            slo_misses=int(one["misses"]) + int(np.count_nonzero(still_s > one["slo_s"])),
            sojourn_s=float(one["sojourn_s"]) - ahead_s + float(np.sum(still_s)),
            **counts,
            **sums,  # type: ignore[arg-type]
        )

    def _serve(self, row: int, ask: Ask, until_s: float) -> None:
        """Do for a function what its kernel could not."""
        one, regions, held = self.rows[row], self._regions, self._held[row]
        match ask:
            case Ask.WINDOW:
                self._draw(row, until_s)
            case Ask.BUSY if one["routing"]:
                room_for_one(one, regions)
            case Ask.BUSY:
                regions.room(one, "busy", int(one["busy"]) + 1)
            case Ask.QUEUE:
                regions.queue_room(one, int(one["queue"]) + 1)
            case Ask.WAITS:
                regions.waits_room(one)
            case Ask.HOLD if held is not None:
                self._hold(row, held, until_s)
            case Ask.REACHED if held is not None:
                regions.queue(one, held.reached())
                self._note_held(row, held)
            case Ask.EXPIRED if held is not None:
                at_s = float(one["other_s"])
                self._give_up(row, held, held.expire(at_s), at_s)

    def _draw(self, row: int, until_s: float) -> None:
        """Draw the next windows, until one has a request or time is up."""
        one, stream = self.rows[row], self._streams[row]
        requests = None
        while stream.drawn_s <= until_s and (requests is None or not len(requests.times_s)):
            requests = stream.draw()
        if requests is not None:
            self._regions.arrivals(one, requests)
            one["drawn_s"] = stream.drawn_s
            choices = self._choices[row]
            if choices is not None:
                take_chances(one, self._regions, choices)

    def _hold(self, row: int, held: HeldRequests, until_s: float) -> None:
        """Let requests come that find no ready replica, up to a time or to the next event of another kind."""
        one, pool = self.rows[row], self._regions.pool
        for place in range(int(one["arrivals_next"]), int(one["arrivals_end"])):
            at_s = float(pool[place])
            if at_s > until_s or at_s >= one["other_s"] or at_s >= one["patience_s"]:
                break
            self._account(row, at_s)
            one["arrivals_next"] += 1
            one["started"] += 1
            one["cold"] += 1
            if held.arrive(Come(at_s, float(pool[place + int(one["services_off"])]))):
                one["in_flight"] += 1
                self._note_held(row, held)
            else:
                one["refused"] += 1
                one["finished"] += 1

    def _give_up(self, row: int, held: HeldRequests, gone: Sequence[Come], at_s: float) -> None:
        """Answer held requests that are let go without being served."""
        one, regions = self.rows[row], self._regions
        self._account(row, at_s)
        for come in gone:
            if one["waits"] >= one["waits_room"]:
                regions.waits_room(one)
            note(row, at_s - come.at_s, self.rows, regions.pool)
        one["sojourn_s"] += sum(at_s - come.at_s for come in gone)
        for name, change in (("in_flight", -1), ("refused", 1), ("finished", 1)):
            one[name] += change * len(gone)
        self._note_held(row, held)

    def _note_held(self, row: int, held: HeldRequests) -> None:
        one = self.rows[row]
        one["held"], end_s = len(held), held.next_end_s()
        if one["held_end_s"] != end_s:
            one["held_end_s"] = end_s
            settle(row, self.rows, self._regions.pool)

    def _start(self, row: int, more: int, now_s: float) -> None:
        one = self.rows[row]
        if one["routing"]:
            room_for_replicas(one, self._regions, more)
        if self.obstacles[row] == Obstacle.NONE:
            self._regions.begin(one, now_s + self._starts[row].take(more))
            settle(row, self.rows, self._regions.pool)
        else:
            one["missing"] += more
            one["starts"] += more if self.obstacles[row] == Obstacle.NOT_READY else 0

    def _remove(self, row: int, surplus: int, now_s: float) -> None:
        one = self.rows[row]
        gone = min(surplus, int(one["missing"]))
        one["missing"] -= gone
        if one["routing"]:
            room_for_cuts(one, self._regions, surplus - gone)
            shrink_routed(row, surplus - gone, now_s, self.rows, self._regions.pool)
        else:
            shrink(row, surplus - gone, self.rows, self._regions.pool)
            self._regions.drain(one, now_s)
        settle(row, self.rows, self._regions.pool)


def _rows(specs: Sequence[FunctionSpec], streams: Sequence[RequestStream], now_s: float) -> Functions:
    """Give functions as they are when they come."""
    rows = new_functions(len(specs))
    rows["at_s"] = rows["replicas_at_s"] = now_s
    rows["drawn_s"] = [stream.drawn_s for stream in streams]
    rows["limit"] = [spec.concurrency_limit for spec in specs]
    rows["requested"] = rows["ready"] = rows["replicas_max"] = [spec.replicas for spec in specs]
    rows["hold_s"] = [_or(spec.hold_s, inf) for spec in specs]
    rows["slo_s"] = [_or(spec.slo_s, inf) for spec in specs]
    rows["grace_s"] = [_or(spec.termination_grace_s, inf) for spec in specs]
    rows["routing"] = [ROUTINGS[spec.routing] for spec in specs]
    rows["line_room"] = [spec.replica_queue for spec in specs]
    rows["queue_most"] = [_or(spec.gateway_queue, UNBOUNDED) for spec in specs]
    return rows


def _columns(rows: Functions) -> Floats:
    columns = np.zeros((len(Column), len(rows)))
    columns[[Column.NEXT, Column.ARRIVAL]] = rows["drawn_s"]
    columns[[Column.READY, Column.REQUESTED]] = rows["ready"]
    return columns


def _or(number: float | None, otherwise: float) -> float:
    return otherwise if number is None else number


def _choices(spec: FunctionSpec, root: np.random.Generator) -> np.random.Generator | None:
    """Give the generator by which a function's requests are sent to its replicas at random; None: they are not."""
    return named(root, spec.key.namespace, spec.key.name, "routing") if spec.routing == "random" else None


def _only(row: int) -> Ints:
    return np.array([row])


_COUNTS = {
    "requests": "started",
    "finished": "finished",
    "cold": "cold",
    "refused": "refused",
    "served": "served",
    "failed": "failed",
    "starts": "starts",
    "replicas_max": "replicas_max",
}
_SUMS = (
    "starting_s",
    "ready_s",
    "draining_s",
    "zero_s",
    "busy_s",
    "idle_s",
    "allocated_s",
    "in_flight_s",
    "queued_s",
)
