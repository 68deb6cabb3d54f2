"""What tenants are given, on a real API server and with the rights of the component alone."""
