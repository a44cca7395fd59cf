"""vault-bench makes what it needs for each algorithm: its set-up asked for webhook keys that ES256 and
RS256 cannot be, and no figure of theirs was printed any more."""

import pathlib
import subprocess

import pytest
from lib.vault import BUILD


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "EdDSA", "ES256", "RS256"])
def test_setup_and_a_short_load(new_vault, algorithm):
    vault = new_vault().start()
    vault.init()
    sockets = ["--socket", vault.app_path, "--admin-socket", vault.admin_path]
    load = ["--setup", "--algorithm", algorithm, "--method", "token.sign", "--count", "20"]
    argv = [str(pathlib.Path(BUILD) / "vault-bench"), *sockets, *load, "--connections", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
