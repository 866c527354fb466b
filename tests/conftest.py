"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes says more about a busy machine than about the code.
settings.register_profile("unhurried", deadline=None, print_blob=True)
settings.load_profile("unhurried")
