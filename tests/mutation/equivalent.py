"""Mutants that change nothing that can be seen, each with why: no test can notice them."""

_COARSE = "a coarse choice of candidates, of which the exact rule then binds none on its edge"
_SLACK = "times are compared with a slack of a microsecond: its very edge is nobody's"
_NOTHING_TO_BIND = "on the edge the rule would put what is there already, and names no row"

EQUIVALENT: dict[tuple[str, str], str] = {
    ("demand", "if not len(wanted) or wanted.max() < rates.least_up:"): _COARSE,
    ("demand", "over = np.flatnonzero(wanted >= rates.least_up)"): _COARSE,
    ("demand", "over = over[wanted[over] >= requested[over]]"): _COARSE,
    ("demand", "under = np.flatnonzero(wanted * rates.least_down <= ready)"): _COARSE,
    ("panic", "may_begin: Bools = proposal >= short"): _COARSE,
    ("wanting", "activating = np.flatnonzero(least >= 1)"): "whatever is wanted has one replica anyway",
    (
        "wanting",
        "slowed = slowed.compress(replicas.take(slowed) >= wanted.take(slowed))",
    ): "both numbers are the same there",
    ("wanting", "at = np.flatnonzero(is_missing & (replicas >= sight.requested))"): _COARSE,
    (
        "guards",
        "return chosen(at, (asked >= standing) & (asked > ceiling), ceiling, Reason.SCALE_UP_POLICY)",
    ): "no ceiling is below what stands",
    (
        "guards",
        "return chosen(at, (asked <= standing) & (asked < floor), floor, Reason.SCALE_DOWN_POLICY)",
    ): "no floor is above what stands",
    ("budget", "over = np.flatnonzero(room <= 0)"): "a tenant that just reaches its cap is granted all it asks for",
    ("budget", "at = at[replicas[at] >= 0]"): "who asks for nothing is granted nothing",
    (
        "budget",
        "has_guarantees = (np.add.reduceat(guarantee, starts) < cap)[share]",
    ): "guarantees that just fill the cap are granted by either layer",
    (
        "budget",
        "has_ones = (np.add.reduceat(one_each, starts) < cap)[share]",
    ): "one each that just fills the cap is granted by either layer",
    ("blast_radius", "bound = total >= allowed"): _NOTHING_TO_BIND,
    (
        "rest",
        "if now_s - memory.shortest_s >= memory.proof.idle.last_s + SLACK_S:",
    ): "to look at more rows changes no decision, and the edge is a hair's breadth",
    (
        "memory",
        "fresh.starting = np.flatnonzero((fresh.restart_floor >= 0) | (fresh.initial_floor > 0))",
    ): "a floor of 0 raises nothing",
    (
        "memory",
        "fresh.starting = np.flatnonzero((fresh.restart_floor > 0) | (fresh.initial_floor >= 0))",
    ): "a floor of 0 raises nothing",
    ("rounding", "if len(result) and result.max() >= MOST_REPLICAS:"): _NOTHING_TO_BIND,
    (
        "rounding",
        "if len(result) and not (result.min() > 0.0 and result.max() <= MOST_REPLICAS): # nan compares false",
    ): "what is made of sound replicas is the same",
    (
        "rounding",
        "if len(result) and not (result.min() >= 0.0 and result.max() < MOST_REPLICAS): # nan compares false",
    ): "what is made of sound replicas is the same",
    (
        "rate_policies",
        "if len(standing) and standing.min() > 0.0 and standing.max() <= MOST_REPLICAS: # nan compares false",
    ): "what is made of sound replicas is the same",
    (
        "rate_policies",
        "if len(standing) and standing.min() >= 0.0 and standing.max() < MOST_REPLICAS: # nan compares false",
    ): "what is made of sound replicas is the same",
    (
        "rate_policies",
        "if len(rules) <= len(count):",
    ): "where all have a policy of the level, each stands at its own place",
    (
        "rate_policies",
        "is_run = first > 0 and np.array_equal(lanes, np.arange(first, first + len(lanes)))",
    ): "a slice and the positions that it stands for choose the same",
    (
        "windows",
        "unknown = np.unique(np.concatenate(found)) if len(found) >= 1 else (found[0] if found else NOBODY)",
    ): "each part is unique by itself",
    (
        "windows",
        "if len(kept) != 1 and kept[0].lanes.is_all and part.rows is None:",
    ): "a column that is made anew holds the same means",
    (
        "windows",
        "if self.last_s >= -np.inf and now_s - shortest_s > self.last_s + SLACK_S:",
    ): "before the first tick no claim held",
    (
        "windows",
        "if self.last_s > -np.inf and now_s - shortest_s >= self.last_s + SLACK_S:",
    ): _SLACK,
    ("windows", "rows = rows[now_s - range_s[rows] >= self.last_s + SLACK_S]"): _SLACK,
    (
        "windows",
        "whole[pending] = self.covered.since_s[rows] + window_s[rows] < now_s + SLACK_S",
    ): _SLACK,
    (
        "samples",
        "self.is_uniform = bool(np.all(horizon_s != horizon_s[0])) if len(rows) else True",
    ): "lanes that let go one by one let go of the same samples",
    ("samples", "if len(kept) and kept.max() >= LARGEST:"): _NOTHING_TO_BIND,
    ("samples", "if self.is_uniform and self.last_began < self.tail[0]:"): "both ways count the same ticks there",
    (
        "windows",
        "goes_on = self.resting[rows] & (reached_s < self.rested_until_s[rows] + SLACK_S)",
    ): _SLACK,
    ("memory", "fresh.awake = np.flatnonzero(fresh.wake_ends_s >= -np.inf)"): _COARSE,
}
"""(module, changed expression's lines as one) → why."""
