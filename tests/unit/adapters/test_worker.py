"""The worker process of readings, without one."""

from multiprocessing import Pipe

from autoscaler.adapters.prometheus.messages import Ready
from autoscaler.adapters.prometheus.worker import Outbox


def test_what_a_worker_says_to_a_daemon_that_ended_is_lost_in_silence() -> None:
    """A reading that ends while the daemon ends is no error of the thread that did it."""
    ours, theirs = Pipe()
    ours.close()
    with theirs:
        Outbox(theirs).send(Ready())


def test_what_a_worker_says_arrives() -> None:
    """A message goes out whole while somebody listens."""
    ours, theirs = Pipe()
    with ours, theirs:
        Outbox(theirs).send(Ready())
        assert ours.recv() == Ready()
