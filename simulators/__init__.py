"""Play a charger, a fleet or a target over real sockets, for the demo and the tests."""
