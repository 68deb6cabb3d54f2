"""The kinds Tenant and ScalingPolicy on a real API server: what it takes, what it refuses, and who may do what to them."""
