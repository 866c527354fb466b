"""An object store that takes whatever it is given and keeps nothing but how much it was.

Run as a process of its own, so that its CPU is never counted as the exporter's.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from aiohttp import web
from aiohttp.web import BaseRequest, Response


class Bucket:
    """Count objects and their bytes."""

    def __init__(self) -> None:
        self.objects = 0
        self.octets = 0

    async def take(self, request: BaseRequest) -> Response:
        """Answer as S3 does when it has stored an object."""
        body = await request.read()
        self.objects += 1
        self.octets += len(body)
        return Response(headers={"ETag": '"taken"'})


async def main() -> None:
    """Listen on a free port, print it, then print the counts for every line on standard input."""
    bucket = Bucket()
    runner = web.ServerRunner(web.Server(bucket.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps({"objects": bucket.objects, "octets": bucket.octets}), flush=True)
    await runner.cleanup()


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(core) for core in sys.argv[1:]} or os.sched_getaffinity(0))
    asyncio.run(main())
