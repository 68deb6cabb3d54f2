"""Policy tests: documents under a load over time, in virtual time, with what shall come of it."""
