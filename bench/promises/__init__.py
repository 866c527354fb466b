"""Hold a running server against its own document."""
