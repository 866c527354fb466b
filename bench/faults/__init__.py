"""Break things on purpose and count what came of it: ``python -m bench.faults``."""
