from __future__ import annotations

from aiohttp.test_utils import make_mocked_request

from api.parts import REMARKS, remark


def test_remarks_on_a_request_add_up() -> None:
    request = make_mocked_request("DELETE", "/queue")

    remark(request, waiting=2, dead_letters=0)
    remark(request, dead_letters=1)

    assert request[REMARKS] == {"waiting": 2, "dead_letters": 1}
