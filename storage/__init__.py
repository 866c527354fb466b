"""Storage: remembers chargers, messages, transactions and secrets; knows no OCPP."""
