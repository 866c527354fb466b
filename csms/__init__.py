"""Speak OCPP: know who is connected, answer the chargers and ask them."""
