"""What one process counts, as Prometheus reads it."""
