"""An overlay on a cluster of its own, and the daemon under its rights and no others."""
