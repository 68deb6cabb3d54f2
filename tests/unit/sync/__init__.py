"""The process that keeps tenants, on a cluster in memory."""
