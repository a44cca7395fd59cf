"""Backups as a client takes them, and vaultd restore."""

import hashlib
import os
import pathlib
import shutil
import struct
import subprocess

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lib.vault import BUILD, KEYFILE, Vault

RESTORE_SECONDS = 120
# A backup's plain parts, read without any code of the project's: docs/STORAGE.md, Backups.
FIXED, OPENER, END, MANIFEST = 104, 352, 56, 272
LABEL = b"vaultd backup manifest 1\0"
COUNTS = ("chunks", "bytes", "plain", "items", "rows", "links", "meta", "revision")


def take(vault, path, /, **wish):
    """Reads a backup to its end into a file (a split one into two); what backup.begin answered."""
    with vault.admin() as admin:
        begun = admin.call("backup.begin", **wish)
        for handle, target in ((begun["backup"], path), (begun.get("keys"), f"{path}.keys")):
            if handle is None:
                continue
            with open(target, "wb") as out:
                while True:
                    piece = admin.call("backup.read", backup=handle)
                    out.write(piece["data"])
                    if piece["done"]:
                        break
        admin.call("backup.end", backup=begun["backup"])
    return begun


def secret_file(root, secret=KEYFILE, name="keyfile"):
    path = pathlib.Path(root) / name
    path.write_bytes(secret)
    path.chmod(0o600)
    return path


def restore(file, into, /, *more, keyfile=None, input=None, check=None):
    """Runs the command; check: the exit status that it must have."""
    command = [str(BUILD / "vaultd"), "restore", str(file), "--into", str(into)]
    if keyfile is not None:
        command += ["--keyfile", str(keyfile)]
    lines = os.environ.get("VAULTD_CONFIG_LINES")
    if lines and "--config" not in more:
        config = pathlib.Path(into).parent / "restore.conf"
        config.write_text(lines + "\n")
        command += ["--config", str(config)]
    done = subprocess.run(
        command + [str(part) for part in more],
        capture_output=True,
        text=True,
        timeout=RESTORE_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    if check is not None:
        assert done.returncode == check, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def new_directory(root, name):
    path = pathlib.Path(root) / name
    path.mkdir(mode=0o700)
    return path


class Lost:
    """A vault with a backup; lose() stops it, restored() is a vault made of backup and audit."""

    def __init__(self, config=""):
        self.vault = Vault(config)
        self.config = config
        self.vault.start()
        self.vault.init()
        self.root = self.vault.root
        self.file = self.root / "backup"
        self.keyfile = secret_file(self.root)
        self.made = []

    def backup(self, **wish):
        return take(self.vault, self.file, **wish)

    def lose(self, crash=False):
        if not self.vault.alive():
            return
        if crash:
            self.vault.kill()
        else:
            self.vault.stop()

    def restore(self, *more, audit=True, check=0, into=None):
        into = into or new_directory(self.root, f"into{len(self.made)}")
        self.made.append(into)
        if audit:
            more += ("--audit", self.vault.state / "audit")
        return restore(self.file, into, *more, keyfile=self.keyfile, check=check)

    def restored(self, *more, audit=True):
        """Restores, and starts a vault on it."""
        self.lose()
        again = Vault(self.config)
        shutil.rmtree(again.state)
        again.state.mkdir(mode=0o700)
        self.told = self.restore(*more, audit=audit, into=again.state).stdout
        self.again = again
        again.start()
        again.unseal()
        return again

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.vault.close()
        if getattr(self, "again", None) is not None:
            self.again.close()


def listing(path):
    return sorted(os.listdir(path))


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
        root_generation=struct.unpack_from("<I", data, 64)[0],
        audit_seq=struct.unpack_from("<Q", manifest, 112)[0],
        next_tenant=struct.unpack_from("<I", manifest, 168)[0],
    )
    return found
