"""Tokens by hand: any header and payload text, signed well or badly."""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HASHES = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def as_text(part):
    return part if isinstance(part, (bytes, str)) else json.dumps(part, separators=(",", ":"))


def signature(algorithm, key, message):
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.from_private_bytes(key).sign(message)
    return hmac.new(key, message, HASHES[algorithm]).digest()


def signing_input(header, payload):
    parts = [as_text(part) for part in (header, payload)]
    return ".".join(b64(p.encode() if isinstance(p, str) else p) for p in parts)


def token(key, payload, header=None, algorithm="HS256", **more):
    """header: whole; more: header members beside alg and typ. payload: a dict, or JSON text as it
    is to be signed."""
    if header is None:
        header = {"alg": algorithm, "typ": "JWT", **more}
    text = signing_input(header, payload)
    return text + "." + b64(signature(algorithm, key, text.encode()))


def decode(text):
    """(header, claims, signature) without any check."""
    header, payload, sig = text.split(".")
    return json.loads(unb64(header)), json.loads(unb64(payload)), unb64(sig)


def claims(tenant, without=(), **changes):
    """What a peer's good token says under a profile of issuer `iss` and audience `aud`."""
    now = int(time.time())
    good = {
        "iss": "iss",
        "aud": "aud",
        "sub": "learner-42",
        "iat": now,
        "exp": now + 120,
        "tid": tenant.name,
    }
    good.update(changes)
    return {name: value for name, value in good.items() if name not in without}


def jwk(public, **more):
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "x": b64(public), **more})


def public_of(seed):
    from cryptography.hazmat.primitives import serialization as s

    return (
        Ed25519PrivateKey.from_private_bytes(seed)
        .public_key()
        .public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
    )


def counter(jti):
    """The issuance counter in a token id: 8 bytes, then 12 random ones."""
    data = unb64(jti)
    assert len(data) == 20 and len(jti) == 27 and b64(data) == jti
    return int.from_bytes(data[:8], "big")
