"""Functions that sleep and are woken, beside each gateway with its shipped configuration: everything in it is real."""
