"""Cross two links: give a charger a third-party CSMS beside its own platform."""
