"""The object stores that owners name: one port, one file for each kind."""
