"""The daemon as a process among real servers, as a platform engineer would run it."""
