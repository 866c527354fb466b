"""A process that has imported the program, and from which servers are forked.

To import it takes a second, which every server of its own would take again. What is forked is a
process like any other: killed by SIGKILL, it has lost what it had not stored.

A request is a datagram with a JSON object (arguments, environment), the program's standard output
and error, and a pipe in which its process id is told and, when it has ended, how.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from typing import Any

from api.app import document
from csms.__main__ import main
from tests.dying import die_where_told

LONGEST = 1 << 16


def fork_on_request(requests: socket.socket) -> None:
    """Fork a program for each request, until nobody can ask any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for guards
    while True:
        request, files, _, _ = socket.recv_fds(requests, LONGEST, 3)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            _guard(json.loads(request), *files)
        for file in files:
            os.close(file)


def _guard(request: Any, out: int, err: int, told: int) -> None:
    """Run a program in a child, and tell of its birth and its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program = os.fork()
    if program == 0:
        os.close(told)
        _become(request, out, err)
    os.close(out)
    os.close(err)
    os.write(told, f"{program}\n".encode())
    _, status = os.waitpid(program, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: Any, out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    # Ours were made for what we write to, which may be a file where theirs is a pipe.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - a descriptor; ends with us
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - as above
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request.get("folder", "."))
    die_where_told(os.environ)
    # As at a terminal: a shell lets what it runs in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["ringmain", *request["arguments"]]
    ended = 0
    try:
        main()
    except SystemExit as end:
        ended = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - shown as the interpreter would show it
        sys.excepthook(*sys.exc_info())
        ended = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended)


if __name__ == "__main__":
    document()  # every server has the same
    gc.collect()
    gc.freeze()  # so that no server looks through it all
    fork_on_request(socket.socket(fileno=int(sys.argv[1])))
