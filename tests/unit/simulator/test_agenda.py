"""The agenda: the order of what happens."""

from autoscaler.simulator.agenda import Agenda, Priority


def test_ties_go_by_priority_then_by_the_order_of_adding() -> None:
    """At one instant writes come before scrapes, events and ticks; equals come in the order they were added."""
    agenda, happened = Agenda(), []
    for name, at_s, priority in (
        ("tick", 1.0, Priority.TICK),
        ("event 1", 1.0, Priority.EVENT),
        ("later write", 2.0, Priority.WRITE),
        ("event 2", 1.0, Priority.EVENT),
        ("write", 1.0, Priority.WRITE),
        ("scrape", 1.0, Priority.SCRAPE),
    ):
        agenda.add(at_s, priority, lambda _at_s, name=name: happened.append(name))  # type: ignore[misc]
    assert agenda.next_s == 1.0
    while agenda.next_s is not None:
        at_s, action = agenda.pop()
        action(at_s)
    assert happened == ["write", "scrape", "event 1", "event 2", "tick", "later write"]
