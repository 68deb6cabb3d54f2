"""Pure policy: documents and their checks, precedence, gateway profiles, compiled to columns for the core."""
