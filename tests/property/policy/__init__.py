"""Properties of policy over generated input."""
