"""`python -m autoscaler.server.registry` writes docs/metrics.md."""

from autoscaler.server.registry.page import page

print(page(), end="")
