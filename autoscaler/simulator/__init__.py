"""The platform in virtual time: workloads, replicas, what is measured of them, and the controller in the loop."""
