"""The asyncio shell: collect, step, act. It meets adapters and the server at `autoscaler.ports` only."""
