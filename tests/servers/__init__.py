"""Real servers for tests: where their programs are found, how they are started and stopped."""
