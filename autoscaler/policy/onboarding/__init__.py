"""What a tenant is given in its namespaces: rights of its team, its credential, its receiver, its alerts. Values only."""
