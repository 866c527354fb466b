"""Every statement, built once with SQLAlchemy Core, compiled by each adapter for itself.

A parameter carries the type of the column that it is compared with or written to.
"""
