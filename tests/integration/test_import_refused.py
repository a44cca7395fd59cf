"""key.import of ES256 and RS256 keys: what is malformed, does not fit together or is weak."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lib import jose

BOTH = ("ES256", "RS256")
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PRIVATE = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "EdDSA": Ed25519PrivateKey.generate(),
}


def pkcs8(key, encryption=None):
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )


def public_pem(key):
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


def rsa_numbers(**change):
    """A PKCS#8 key with numbers that may not fit each other, so made by hand."""
    key = PRIVATE["RS256"].private_numbers()
    n, e = key.public_numbers.n, key.public_numbers.e
    values = {
        "n": n,
        "e": e,
        "d": key.d,
        "p": key.p,
        "q": key.q,
        "dp": key.dmp1,
        "dq": key.dmq1,
        "qi": key.iqmp,
        **change,
    }
    numbers = b"".join(der_int(v) for v in (0, *values.values()))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d010101") + b"\5\0")
    return der(0x30, der_int(0) + algorithm + der(4, der(0x30, numbers)))


def der(tag, body):
    length = len(body)
    if length < 128:
        return bytes([tag, length]) + body
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + body


def der_int(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def test_rsa_made_by_hand_is_taken(tenant):
    tenant.call("key.import", name="k", algorithm="RS256", key=rsa_numbers(), usage="raw")
    assert tenant.call("key.sign", name="k", message=b"m")["version"] == 1


RSA = PRIVATE["RS256"].private_numbers()
RSA_REFUSED = {
    "even exponent": lambda: rsa_numbers(e=65538),
    "exponent 3": lambda: rsa_numbers(e=3),
    "exponent 1": lambda: rsa_numbers(e=1),
    "a huge exponent": lambda: rsa_numbers(e=(1 << 65) + 1),
    "even modulus": lambda: rsa_numbers(n=RSA.public_numbers.n - 1),
    "p is not a factor": lambda: rsa_numbers(p=RSA.p + 2),
    "p is one": lambda: rsa_numbers(p=1, q=RSA.public_numbers.n),
    "p and q alike": lambda: rsa_numbers(p=RSA.p, q=RSA.p),
    "d of another key": lambda: rsa_numbers(d=RSA.d + 2),
    "dp of another key": lambda: rsa_numbers(dp=RSA.dmp1 + 2),
    "qi of another key": lambda: rsa_numbers(qi=RSA.iqmp + 2),
    "no d": lambda: rsa_numbers(d=0),
    "1024 bits": lambda: pkcs8(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    "exponent 3, whole": lambda: pkcs8(rsa.generate_private_key(public_exponent=3, key_size=2048)),
    "an EC key": lambda: pkcs8(PRIVATE["ES256"]),
    "an Ed25519 key": lambda: pkcs8(PRIVATE["EdDSA"]),
    "a DSA key": lambda: pkcs8(dsa.generate_private_key(2048)),
    "PKCS#1": lambda: PRIVATE["RS256"].private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ),
}


@pytest.mark.parametrize("what", RSA_REFUSED)
def test_rsa_refused(tenant, what):
    error = tenant.error("key.import", name="k", algorithm="RS256", key=RSA_REFUSED[what]())
    assert (error.code, error.field) == ("invalid_params", "key"), error
    assert tenant.error("key.get", name="k").code == "not_found"


def ec_pkcs8(scalar, point, curve="2a8648ce3d030107"):
    """A PKCS#8 key of any scalar and point (RFC 5915 within RFC 5208)."""
    oid = bytes.fromhex(curve)
    algorithm = der(0x30, bytes.fromhex("06072a8648ce3d0201") + der(6, oid))
    inside = der_int(1) + der(4, scalar) + der(0xA1, der(3, b"\0" + point))
    return der(0x30, der_int(0) + algorithm + der(4, der(0x30, inside)))


def point_of(key):
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


SCALAR = PRIVATE["ES256"].private_numbers().private_value.to_bytes(32, "big")
POINT = point_of(PRIVATE["ES256"])
EC_REFUSED = {
    "off the curve": lambda: ec_pkcs8(SCALAR, POINT[:-1] + bytes([POINT[-1] ^ 1])),
    "another key's point": lambda: ec_pkcs8(
        SCALAR, point_of(ec.generate_private_key(ec.SECP256R1()))
    ),
    "at infinity": lambda: ec_pkcs8(SCALAR, b"\0"),
    "scalar 0": lambda: ec_pkcs8(bytes(32), POINT),
    "scalar of the order": lambda: ec_pkcs8(P256_ORDER.to_bytes(32, "big"), POINT),
    "scalar beyond it": lambda: ec_pkcs8(b"\xff" * 32, POINT),
    "P-384": lambda: pkcs8(ec.generate_private_key(ec.SECP384R1())),
    "secp256k1": lambda: pkcs8(ec.generate_private_key(ec.SECP256K1())),
    "an RSA key": lambda: pkcs8(PRIVATE["RS256"]),
    "an Ed25519 key": lambda: pkcs8(PRIVATE["EdDSA"]),
    "SEC 1": lambda: PRIVATE["ES256"].private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ),
}


def test_ec_made_by_hand_is_taken(tenant):
    tenant.call("key.import", name="k", algorithm="ES256", key=ec_pkcs8(SCALAR, POINT))
    (key,) = json.loads(tenant.call("key.public")["jwks"])["keys"]
    assert jose.unb64(key["x"]) + jose.unb64(key["y"]) == POINT[1:]


@pytest.mark.parametrize("what", EC_REFUSED)
def test_ec_refused(tenant, what):
    error = tenant.error("key.import", name="k", algorithm="ES256", key=EC_REFUSED[what]())
    assert (error.code, error.field) == ("invalid_params", "key"), error


@pytest.mark.parametrize("algorithm", BOTH)
def test_malformed_pkcs8(tenant, algorithm):
    good = pkcs8(PRIVATE[algorithm])
    encrypted = pkcs8(
        PRIVATE[algorithm], serialization.BestAvailableEncryption(b"correct horse battery")
    )
    pem = PRIVATE[algorithm].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    indefinite = b"\x30\x80" + good[4:] + b"\0\0"
    for key in (
        good + b"\0",
        good[:-1],
        good[: len(good) // 2],
        b"\0",
        b"0",
        b"\x30\x84\xff\xff\xff\xff",
        encrypted,
        pem,
        indefinite,
        bytes(8192),
    ):
        error = tenant.error("key.import", name="k", algorithm=algorithm, key=key)
        assert (error.code, error.field) == ("invalid_params", "key"), error


def test_malformed_public_keys(tenant):
    def refused(algorithm, public):
        text = public if isinstance(public, str) else json.dumps(public)
        error = tenant.error("key.import", name="k", algorithm=algorithm, public=text)
        assert (error.code, error.field) == ("invalid_params", "public"), (error, public)

    def b64(number, size):
        return jose.b64(number.to_bytes(size, "big"))

    n = RSA.public_numbers.n
    for changed in (
        {"n": b64(n, 257)},
        {"n": b64(n >> 1024, 128)},
        {"n": b64(n - 1, 256)},
        {"n": b64((1 << 4096) + 1, 513)},
        {"n": b64((1 << 2047) + 1, 256)},
        {"n": ""},
        {"n": 7},
        {"e": "Aw"},
        {"e": b64(65538, 3)},
        {"e": b64(65537, 4)},
        {"e": b64((1 << 64) + 1, 9)},
        {"e": None},
        {"alg": "PS256"},
        {"use": "enc"},
        {"d": "AQAB"},
        {"kty": "EC"},
    ):
        refused("RS256", {"kty": "RSA", "n": b64(n, 256), "e": "AQAB", **changed})
    x, y = jose.b64(POINT[1:33]), jose.b64(POINT[33:])
    for changed in (
        {"y": x},
        {"x": jose.b64(POINT[1:32])},
        {"x": jose.b64(b"\0" + POINT[1:33])},
        {"x": jose.b64(bytes(32)), "y": jose.b64(bytes(32))},
        {"y": None},
        {"crv": "P-384"},
        {"alg": "ES384"},
        {"d": x},
    ):
        refused("ES256", {"kty": "EC", "crv": "P-256", "x": x, "y": y, **changed})
    refused("ES256", public_pem(PRIVATE["RS256"]))
    refused("RS256", public_pem(PRIVATE["ES256"]))
    refused("ES256", public_pem(ec.generate_private_key(ec.SECP384R1())))
    refused("RS256", public_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)))
