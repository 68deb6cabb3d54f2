"""The process that keeps what every Tenant is given; apart from the daemon, since it has rights that the daemon has not."""
