"""What takes long: run by `make soak`, figures at the end."""
