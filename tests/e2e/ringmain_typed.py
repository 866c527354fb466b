"""`ringmain` as the pages type it: forked from who has imported it already (`tests.nursery`).

It runs by its path and imports next to nothing: to start it costs a fiftieth of the program.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from types import FrameType


def main() -> int:
    """Ask for the program, pass signals on to it, and end as it ends."""
    told, tell = os.pipe()
    folder = os.getcwd()  # noqa: PTH109 - pathlib would take longer than all the rest
    request = {"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": folder}
    nursery = socket.socket(fileno=os.dup(int(os.environ["NURSERY"])))
    socket.send_fds(nursery, [json.dumps(request).encode()], [1, 2, tell])
    os.close(tell)
    with os.fdopen(told) as words:
        program = int(words.readline())

        def pass_on(number: int, _: FrameType | None) -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(program, number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, pass_on)
        return int(words.readline()) % 256


if __name__ == "__main__":
    sys.exit(main())
