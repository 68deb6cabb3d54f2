"""A decision log decided once more: by the rules that were in force, or under other policies."""
