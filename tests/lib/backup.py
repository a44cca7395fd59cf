"""Backups as a client takes them, and vaultd restore."""

import os
import pathlib
import shutil
import subprocess

from lib.vault import BUILD, KEYFILE, Vault

RESTORE_SECONDS = 120


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
