"""What was before the controller: samples of the past, taken in as its own ticks would have, and nothing decided."""

import numpy as np

from autoscaler.core.memory import Memory
from autoscaler.core.observation import Observation
from autoscaler.core.part import Part
from autoscaler.core.sight import look
from autoscaler.core.wanting import guarded, wanted


def recall(memory: Memory, observation: Observation, now_s: float) -> None:
    """Take in one sample of the past.

    It goes the way of a tick's sample as far as load is concerned: windows, coverage, proof of zero, panic, and the
    recommendations of look-backs. What a tick does besides is left out, since nobody can know it of the past: no own
    change is noted and no removal credited, replicas that are missing now are not taken for missing then, and what is
    unknown counts towards no fallback.

    Replicas of the past are in no Prometheus, so that those of now stand for them: a function whose load within its
    dead band would have kept what ran, is taken to have recommended what runs now.

    Args:
        memory: state of the observation's fleet.
        observation: a sample of the past, beside the replicas of now; nobody waits.
        now_s: monotonic seconds of then, after every sample so far.
    """
    kept = memory.is_missing.copy(), memory.missing_since_s.copy(), memory.unknown_ticks.copy(), memory.unknown
    memory.hear_ranges(observation.load.range_s)
    sight = look(memory, observation, Part(len(memory.fleet)), now_s)
    trail, asked = wanted(memory, sight)
    guarded(trail, memory, sight, asked)
    memory.is_missing, memory.missing_since_s, memory.unknown_ticks, memory.unknown = kept
    is_unknown = np.zeros(len(memory.fleet), np.bool_)
    is_unknown[sight.cleaned.unknown] = True
    memory.is_unheard &= is_unknown
