"""Measurements and the fuzzer: what `make bench` and `make fuzz` run."""
