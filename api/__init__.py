"""Turn HTTP into commands and records, and back."""
