"""All faults: each begins, lasts, and ends."""

from dataclasses import replace

from tests.deterministic.faults.alertmanager import FAULTS as OF_ALERTMANAGER
from tests.deterministic.faults.apiserver import FAULTS as OF_API_SERVER
from tests.deterministic.faults.budgets import FAULTS as OF_BUDGETS
from tests.deterministic.faults.daemons import FAULTS as OF_DAEMONS
from tests.deterministic.faults.fault import Fault
from tests.deterministic.faults.people import FAULTS as OF_PEOPLE
from tests.deterministic.faults.prometheus import FAULTS as OF_PROMETHEUS
from tests.deterministic.faults.wakes import FAULTS as OF_WAKES

BESIDE_WAKES = tuple(replace(one, hinders_wakes=False) for one in (*OF_PROMETHEUS, *OF_ALERTMANAGER))
"""A wake asks neither what load there is nor what fires."""

ALL: tuple[Fault, ...] = (*OF_API_SERVER, *BESIDE_WAKES, *OF_DAEMONS, *OF_PEOPLE, *OF_BUDGETS)
"""Every fault; whoever adds one adds it at the end of its group, and seeds mean something else from then on."""

__all__ = ["ALL", "OF_BUDGETS", "OF_WAKES", "Fault"]
