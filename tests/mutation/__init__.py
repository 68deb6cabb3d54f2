"""Whether the core's tests notice when one comparison of it is another: `python -m tests.mutation`."""
