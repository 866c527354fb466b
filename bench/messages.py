"""The CALLs that are measured: small (250 B), and 20 sampled values (2.9 kB).

The values are sent outside a transaction (large) and within one that runs (metered).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

NOW = "now"  # each message has a time of its own: what says the same again is a repeat
SMALL = (
    "StatusNotification",
    {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "Available",
        "timestamp": NOW,
        "info": "nothing to report from this connector, all is well",
        "vendorId": "Ringmain",
        "vendorErrorCode": "0000",
    },
)
LARGE = (
    "MeterValues",
    {
        "connectorId": 1,
        "meterValue": [
            {
                "timestamp": NOW,
                "sampledValue": [
                    {
                        "value": f"{1000 + n}.5",
                        "context": "Sample.Periodic",
                        "measurand": "Energy.Active.Import.Register",
                        "phase": f"L{n % 3 + 1}",
                        "location": "Outlet",
                        "unit": "Wh",
                    }
                    for n in range(20)
                ],
            }
        ],
    },
)
TRANSACTION = 4711
METERED = ("MeterValues", {"transactionId": TRANSACTION, **LARGE[1]})
SIZES = {"small": SMALL, "large": LARGE, "metered": METERED}


def frames(size: str, prefix: str) -> Iterator[bytes]:
    """Yield CALL frames for ever, each with an id of its own of 36 characters."""
    action, payload = SIZES[size]
    text = json.dumps([action, payload], separators=(",", ":"))[1:].encode()
    before, after = text.split(f'"{NOW}"'.encode())
    for number in count(1):
        id = f"{prefix}-{number:0{35 - len(prefix)}d}".encode()
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
        yield b'[2,"%b",%b"%b"%b' % (id, before, now, after)
