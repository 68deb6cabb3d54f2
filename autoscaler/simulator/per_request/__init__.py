"""An instance for every request that finds none idle, as functions on demand are served: no ticks, no controller."""
