"""All faults: each begins, lasts, and ends."""

from tests.deterministic.faults.alertmanager import FAULTS as OF_ALERTMANAGER
from tests.deterministic.faults.apiserver import FAULTS as OF_API_SERVER
from tests.deterministic.faults.budgets import FAULTS as OF_BUDGETS
from tests.deterministic.faults.daemons import FAULTS as OF_DAEMONS
from tests.deterministic.faults.fault import Fault
from tests.deterministic.faults.people import FAULTS as OF_PEOPLE
from tests.deterministic.faults.prometheus import FAULTS as OF_PROMETHEUS

ALL: tuple[Fault, ...] = (*OF_API_SERVER, *OF_PROMETHEUS, *OF_ALERTMANAGER, *OF_DAEMONS, *OF_PEOPLE, *OF_BUDGETS)
"""Every fault; whoever adds one adds it at the end of its group, and seeds mean something else from then on."""

__all__ = ["ALL", "OF_BUDGETS", "Fault"]
