"""The decision log's bytes: what went into every step and what came out, compact, and read back to the bit."""
