"""What `init` makes of what it finds: questions to Prometheus, which gateway counts, and the documents to begin with."""
