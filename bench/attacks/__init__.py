"""Attacks on a running server, and what they come to."""
