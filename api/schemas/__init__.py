"""Say what goes in and what comes out, once: for the validation, the answers and the document."""
