"""The RSA exchange of MySQL's sha2 plugins: a password, veiled with the nonce, encrypted with OAEP (SHA-1).

The key pair is the process's own, made when first needed. `cryptography` is imported then too: most proxies never
need it, and it is a large part of what a process weighs.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import OAEP
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_SIZE: Final = 2048
"""Bits; as the servers' own keys."""


@functools.cache
def _private_key() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - see above

    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_SIZE)


@functools.cache
def _padding() -> OAEP:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - see above

    # SHA-1 because the protocol says so; OAEP does not rest on its resistance to collisions.
    return padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303 - see above


def _veil(password: bytes, nonce: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(password, itertools.cycle(nonce or b"\0"), strict=False))


def public_key() -> bytes:
    """Return the process's public key, in PEM."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see above

    return (
        _private_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def decrypt(cipher: bytes, nonce: bytes) -> bytes | None:
    """Return the password, with its closing zero byte, that was encrypted for our key; None where it was not."""
    try:
        password = _veil(_private_key().decrypt(cipher, _padding()), nonce)
    except ValueError:
        return None
    return password if password.endswith(b"\0") else None


def encrypt(password: bytes, nonce: bytes, key: bytes) -> bytes | None:
    """Encrypt a password, closing zero byte included, for a key in PEM; None where that key is none or too small."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415 - see above

    try:
        public = load_pem_public_key(key)
        return public.encrypt(_veil(password, nonce), _padding()) if isinstance(public, RSAPublicKey) else None
    except ValueError:
        return None
