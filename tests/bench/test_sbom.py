"""The bill of materials says what the lock says, and what installed packages say of themselves."""

from __future__ import annotations

from bench.sbom import bill, pins

LOCK = """\
# This file was made by uv
orjson==3.13.0 \\
    --hash=sha256:{b} \\
    --hash=sha256:{a}
    # via ringmain (pyproject.toml)
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{c}
    # via click
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


def test_the_packages_of_a_lock_are_read_with_their_hashes_and_where_they_belong() -> None:
    orjson, colorama = pins(LOCK)

    assert (orjson.name, orjson.version, orjson.marker) == ("orjson", "3.13.0", "")
    assert orjson.hashes == ["a" * 64, "b" * 64]
    assert (colorama.purl, colorama.marker, colorama.hashes) == (
        "pkg:pypi/colorama@0.4.6",
        "sys_platform == 'win32'",
        ["c" * 64],
    )


def test_a_bill_names_the_product_and_what_it_needs() -> None:
    made = bill(LOCK, "ringmain", "1.0")

    assert made["metadata"]["component"]["version"] == "1.0"
    assert made["dependencies"][0] == {"ref": "ringmain", "dependsOn": ["pkg:pypi/orjson@3.13.0"]}
    assert made == bill(LOCK, "ringmain", "1.0")


def test_a_package_that_is_installed_tells_its_licence() -> None:
    orjson, colorama = bill(LOCK, "ringmain", "1.0")["components"]

    assert "Apache-2.0" in str(orjson["licenses"])
    assert colorama["properties"] == [
        {"name": "ringmain:marker", "value": "sys_platform == 'win32'"}
    ]
