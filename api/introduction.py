"""Say before all operations what holds for each: the first page of the API's description."""

from __future__ import annotations

from collections.abc import Mapping

INTRODUCTION = """\
OCPP central system and proxy: chargers connect to it, you stay in control of them by this API,
and third-party CSMSs see ordinary chargers.

**Who you are.** An API key in `x-api-key: KEY` or `Authorization: Bearer KEY`; it belongs to
one organization and has a scope: `read` (every GET), `operate` (also chargers, commands,
limits, sites, targets, connectors) or `admin` (also keys, members, audit, certificates). Where
the server is set up with Ory Kratos, a session does as well: `X-Session-Token`, or the cookie
of a browser. Another organization's objects are not found (404), like those that do not exist.

**Errors** have one shape: `{"success": false, "error": CODE, "message": SENTENCE}`, with
`fields` where values cannot be used (422). 409 `charger_offline` says when the charger was seen
last, 502 `charger_error` has the CALLERROR of the charger, 504 `charger_timeout` the id of the
command, whose record tells how it went on. 429 and 503 have `Retry-After`.

**Lists** take `limit` (100 by default, at most 1000) and `cursor`, and answer `next_cursor`,
null at the end. **Writes** may have an `Idempotency-Key`: the same request is carried out once.
`?pretty=true` indents. Moments are RFC 3339 in UTC; bodies are JSON of at most 1 MiB.

**Live**: paths that end in `/stream` answer with server-sent events until you hang up."""

# What the groups of operations are about.
TAGS: Mapping[str, str] = {
    "Organizations": "Tenants: their settings, keys, members, audit and security events.",
    "Chargers": "Enrol chargers, see how they are connected, change passwords and certificates.",
    "Fleet": "All chargers at a glance, and what changes of them as it does.",
    "Sites": "Where chargers stand: what is installed and shown together.",
    "Charging stations": "Control chargers: limits, profiles, availability, reset, start, stop.",
    "Transactions": "Charging sessions with their meter values.",
    "Reservations": "Keep a connector for a token.",
    "Local lists": "Whom a charger knows when it is offline.",
    "Id tokens": "Who may charge where the organization itself decides.",
    "Firmware and logs": "Updates, diagnostics and what comes of them.",
    "Uploads": "Where chargers send files; by secrets that work once.",
    "Messages": "The message log: every CALL with its answer, as history and live.",
    "Proxy configurations": "Targets: CSMSs that chargers are relayed to, their links and queues.",
    "Commissioning": "Connect many chargers to the operator's OCPP server at once.",
    "Data connectors": "Stream the log to an object store of yours.",
    "Operations": "Whether the server lives and can work, its metrics, this document.",
}
