"""Reads a backup's plain parts without any code of the project's: docs/STORAGE.md, Backups."""

import hashlib
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIXED, OPENER, END, MANIFEST = 104, 352, 56, 272
LABEL = b"vaultd backup manifest 1\0"
COUNTS = ("chunks", "bytes", "plain", "items", "rows", "links", "meta", "revision")


def read_all(conn, handle):
    """The whole file of a handle."""
    data = b""
    while True:
        piece = conn.call("backup.read", backup=handle)
        assert piece["offset"] == len(data)
        data += piece["data"]
        progress = piece["progress"]
        assert 0 <= progress["records"] <= progress["total"]
        if piece["done"]:
            assert progress["records"] == progress["total"]
            return data


def create(conn, **fields):
    """A backup from begin to end: its id and its files."""
    begun = conn.call("backup.begin", **fields)
    files = [read_all(conn, begun[key]) for key in ("backup", "keys") if key in begun]
    conn.call("backup.end", backup=begun["backup"])
    return begun["backup"], files


def parse(data):
    """The plain parts; every statement of the manifest that can be held against them is."""
    assert data[:8] == b"VAUDBAK1"
    form, kind, to, flags, length, openers = struct.unpack_from("<HBBIII", data, 8)
    assert form == 1 and length == FIXED + openers * OPENER + END
    assert hashlib.sha256(data[: length - 32]).digest() == data[length - 32 : length]
    at, chunks = length, []
    while True:
        (size,) = struct.unpack_from("<I", data, at)
        if size == 0:
            break
        chunks.append(size)
        at += 4 + size
    manifest = data[at:]
    assert len(manifest) == MANIFEST and manifest[4:12] == b"VAUDMAN1"
    Ed25519PublicKey.from_public_bytes(data[72:104]).verify(
        manifest[208:], LABEL + manifest[:208]
    )
    found = dict(zip(COUNTS, struct.unpack_from("<8Q", manifest, 32)))
    assert found["chunks"] == len(chunks) and found["bytes"] == at
    assert found["plain"] == sum(chunks) - 17 * len(chunks)
    assert manifest[176:208] == hashlib.sha256(data[:at]).digest()
    assert manifest[16:32] == data[40:56]
    found.update(
        kind=kind,
        to=to,
        flags=flags,
        openers=[data[FIXED + i * OPENER :][:OPENER] for i in range(openers)],
        store_id=data[24:40].hex(),
        id=data[40:56].hex(),
        audit_seq=struct.unpack_from("<Q", manifest, 112)[0],
        next_tenant=struct.unpack_from("<I", manifest, 168)[0],
    )
    return found
