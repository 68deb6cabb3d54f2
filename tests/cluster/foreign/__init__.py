"""Others that change replicas, each with its real program: kubectl, Helm, the HPA controller, another daemon."""
