"""The settings of an installation in a folder, for a server in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

from storage import engines


def variables(data_dir: Path, **more: str) -> dict[str, str]:
    """Return the environment of a server on free ports, with the database of the test's engine."""
    url = engines.default_url(data_dir)
    # The file in the data directory is found without being told.
    named = {} if url.get_backend_name() == "sqlite" else {"RINGMAIN_DATABASE_URL": str(url)}
    return {
        "PATH": os.environ["PATH"],
        "RINGMAIN_DATA_DIR": str(data_dir),
        "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
        "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
        "RINGMAIN_LOG_FORMAT": "json",
        "RINGMAIN_RATE_LIMIT": "100000/100000",  # who waits for something asks often
        **named,
        **more,
    }
