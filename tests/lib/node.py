"""JavaScript implementations: packages of tests/thirdparty, installed into the build's directory as
its lock file says."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from lib.vault import BUILD, REPO

SOURCE = REPO / "tests" / "thirdparty"
INSTALL_SECONDS = 60
RUN_SECONDS = 30


def _missing(why):
    """A test without it says so; continuous integration sets it up, and so fails without it."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def packages():
    """The directory whose node_modules hold them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _missing("node or npm is not installed (tools/setup.sh test)")
    where = pathlib.Path(BUILD) / "thirdparty"
    lock = (SOURCE / "package-lock.json").read_bytes()
    mark = where / "installed"
    if mark.exists() and mark.read_bytes() == lock:
        return where
    where.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, where / name)
    argv = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            argv, cwd=where, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        _missing("npm ci took too long")
    if done.returncode != 0:
        _missing(f"npm ci failed: {done.stderr[-500:]}")
    mark.write_bytes(lock)
    return where


def run(script, asks):
    """The script's answers, one for each."""
    where = packages()
    done = subprocess.run(
        ["node", str(SOURCE / script), str(where / "package.json")],
        input="".join(json.dumps(ask) + "\n" for ask in asks),
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
