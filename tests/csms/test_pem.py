from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from csms.pem import UnusableTls, blocks_of, kind_of, read_file, weakness_of
from tests.certificates import rsa_key

pytestmark = pytest.mark.sqlite_only("about files")


def test_keys_that_are_strong_enough() -> None:
    assert weakness_of(rsa_key().public_key()) is None
    assert weakness_of(ec.generate_private_key(ec.SECP224R1()).public_key()) is None


def test_keys_that_are_too_weak_say_how_strong_they_have_to_be() -> None:
    rsa = weakness_of(rsa_key(1024).public_key())
    elliptic = weakness_of(ec.generate_private_key(ec.SECP192R1()).public_key())
    other = ed25519.Ed25519PrivateKey.generate().public_key()

    assert rsa == "weak: it has 1024 bits, and 2048 are the least"
    assert elliptic == "weak: it has 192 bits, and 224 are the least"
    assert weakness_of(other) == "neither RSA nor of an elliptic curve"
    assert kind_of(other) is None


def test_a_file_that_is_not_there_is_told_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(UnusableTls, match=r"^NAME: .*gone.pem cannot be read \(No such file"):
        read_file("NAME", tmp_path / "gone.pem")


def test_blocks_are_told_apart() -> None:
    text = b"-----BEGIN A-----\n1\n-----END A-----\nx\n-----BEGIN B-----\n2\n-----END B-----\n"

    assert blocks_of(text, "B") == [b"-----BEGIN B-----\n2\n-----END B-----"]
    assert blocks_of(text, "C") == []
