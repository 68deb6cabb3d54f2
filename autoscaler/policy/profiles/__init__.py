"""Gateway profiles: the PromQL that a gateway's metrics need, and how its series name functions.

A profile is a pure value. Per gateway at most four queries a tick, the same four for one function or
100,000. All of a tick's queries are sent with one and the same `time`, best a little before now (longer than
storing a scrape takes, at most an eighth of the scrape interval), so that a scrape that is still being stored
does not look missing.
"""

from autoscaler.policy.profiles.catalog import CATALOG
from autoscaler.policy.profiles.gateway import Gateway, Needed
from autoscaler.policy.profiles.profile import Profile, profile_of, profiles_of
from autoscaler.policy.profiles.queries import (
    NEWEST_WITHIN,
    OLDEST_WITHIN,
    POD_LABEL,
    SIGNAL_LABEL,
    STORING,
    SignalName,
    SignalQuery,
    matchers,
    quoted,
)

__all__ = [
    "CATALOG",
    "NEWEST_WITHIN",
    "OLDEST_WITHIN",
    "POD_LABEL",
    "SIGNAL_LABEL",
    "STORING",
    "Gateway",
    "Needed",
    "Profile",
    "SignalName",
    "SignalQuery",
    "matchers",
    "profile_of",
    "profiles_of",
    "quoted",
]
