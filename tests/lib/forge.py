"""
Files as somebody writes them who knows the secret: a backup or an export is opened, its items are
changed, and it is sealed and signed again. By libsodium alone: docs/STORAGE.md, Backups.
"""

import ctypes
import ctypes.util
import hashlib
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lib.backup import END, FIXED, LABEL, MANIFEST, OPENER

SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium"))
STREAM_STATE, STREAM_OVERHEAD, CHUNK = 52, 17, 200_000
NAME, SALT, PUBLIC, PRIVATE, KEY = 24, 152, 168, 200, 272
META, ROW, LINK, RECORD, INFO, ROOT = 2, 3, 4, 5, 6, 1


def _long(n):
    return ctypes.c_ulonglong(n)


def _half(opener, store_id, secret):
    """The opener's private half, by a passphrase or a key file's bytes."""
    by, name_len = opener[0], opener[1]
    memory, passes = struct.unpack_from("<QQ", opener, 8)
    salt, public, sealed = opener[SALT:PUBLIC], opener[PUBLIC:PRIVATE], opener[PRIVATE:KEY]
    key, half = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    if by == 1:
        done = SODIUM.crypto_pwhash_argon2id(
            key, _long(32), secret, _long(len(secret)), salt, _long(passes),
            ctypes.c_size_t(memory), 2,
        )  # fmt: skip
        assert done == 0
    else:
        first = hashlib.blake2b(secret, digest_size=32, key=salt).digest()
        key.raw = hashlib.blake2b(b"vaultd key file slot", digest_size=32, key=first).digest()
    ad = store_id + public + opener[NAME : NAME + name_len]
    done = SODIUM.crypto_aead_xchacha20poly1305_ietf_decrypt(
        half, None, None, sealed[24:], _long(len(sealed) - 24), ad, _long(len(ad)),
        sealed[:24], key,
    )  # fmt: skip
    return half.raw if done == 0 else None


def _file_key(header, secret):
    openers = header[FIXED:-END]
    for at in range(0, len(openers), OPENER):
        opener = openers[at : at + OPENER]
        half = _half(opener, header[24:40], secret)
        if half is not None:
            key = ctypes.create_string_buffer(32)
            public, sealed = opener[PUBLIC:PRIVATE], opener[KEY:]
            assert SODIUM.crypto_box_seal_open(key, sealed, _long(len(sealed)), public, half) == 0
            return key.raw
    raise AssertionError("the secret opens none of them")


def _plain(data, header, key):
    state = ctypes.create_string_buffer(STREAM_STATE)
    stream = header[-END:-32]
    SODIUM.crypto_secretstream_xchacha20poly1305_init_pull(state, stream, key)
    at, plain, ad = len(header), b"", header[-32:]
    while size := struct.unpack_from("<I", data, at)[0]:
        out = ctypes.create_string_buffer(max(1, size - STREAM_OVERHEAD))
        tag = ctypes.c_ubyte()
        done = SODIUM.crypto_secretstream_xchacha20poly1305_pull(
            state, out, None, ctypes.byref(tag), data[at + 4 : at + 4 + size], _long(size),
            ad, _long(len(ad)),
        )  # fmt: skip
        assert done == 0
        plain += out.raw[: size - STREAM_OVERHEAD]
        at, ad = at + 4 + size, b""
    return plain, data[at:]


def _seal(header, key, plain):
    """Header and chunks of it; the header is another one, as its stream is."""
    state, stream = ctypes.create_string_buffer(STREAM_STATE), ctypes.create_string_buffer(24)
    SODIUM.crypto_secretstream_xchacha20poly1305_init_push(state, stream, key)
    header = header[:-END] + stream.raw
    header += hashlib.sha256(header).digest()
    pieces = [plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)] or [b""]
    out, ad = header, header[-32:]
    for i, piece in enumerate(pieces):
        sealed = ctypes.create_string_buffer(len(piece) + STREAM_OVERHEAD)
        last = 3 if i == len(pieces) - 1 else 0
        SODIUM.crypto_secretstream_xchacha20poly1305_push(
            state, sealed, None, piece, _long(len(piece)), ad, _long(len(ad)),
            ctypes.c_ubyte(last),
        )  # fmt: skip
        out += struct.pack("<I", len(sealed.raw)) + sealed.raw
        ad = b""
    return out, len(pieces)


def items_of(plain):
    items, at = [], 0
    while at < len(plain):
        kind, size = struct.unpack_from("<HI", plain, at)
        items.append((kind, plain[at + 6 : at + 6 + size]))
        at += 6 + size
    return items


def forged(data, secret, change, openers=1):
    """The file with change(items) in place of its items and its openers so many times, signed by a new identity."""
    length = struct.unpack_from("<I", data, 16)[0]
    header = data[:length]
    key = _file_key(header, secret)
    plain, manifest = _plain(data, header, key)
    items = change(items_of(plain))
    plain = b"".join(struct.pack("<HI", kind, len(body)) + body for kind, body in items)
    identity = Ed25519PrivateKey.generate()
    header = header[:72] + identity.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) + header[104:]
    header = header[:FIXED] + header[FIXED:-END] * openers + header[-END:]
    header = header[:16] + struct.pack("<II", len(header), (len(header) - FIXED - END) // OPENER) + header[24:]
    body, chunks = _seal(header, key, plain)
    kinds = [kind for kind, _ in items]
    counts = (
        chunks, len(body), len(plain), len(items),
        kinds.count(ROW) + kinds.count(RECORD), kinds.count(LINK), kinds.count(META),
    )  # fmt: skip
    assert len(manifest) == MANIFEST
    manifest = manifest[:32] + struct.pack("<7Q", *counts) + manifest[88:176]
    manifest += hashlib.sha256(body).digest()
    return body + manifest + identity.sign(LABEL + manifest)


def read_integer(plain, at):
    value, shift = 0, 0
    while True:
        byte = plain[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def _varint(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def fields_of(plain):
    """A record's fields: number to bytes."""
    fields, at = {}, 0
    while at < len(plain):
        number, at = read_integer(plain, at)
        size, at = read_integer(plain, at)
        fields[number], at = plain[at : at + size], at + size
    return fields


def record_of(fields):
    return b"".join(_varint(n) + _varint(len(v)) + v for n, v in fields.items())


def integer(value):
    return _varint(value)
