"""Kill -9 at random moments, many times over one store. VAULTD_CRASH_ROUNDS and VAULTD_CRASH_SEED
choose how often and when."""

import os
import time

import pytest

from lib import crash, rekey

ROUNDS = int(os.environ.get("VAULTD_CRASH_ROUNDS", "60"))
SEED = int(os.environ.get("VAULTD_CRASH_SEED", str(int(time.time()))))


@pytest.mark.no_deadline
def test_kills_under_load(vault):
    print(f"seed {SEED}, {ROUNDS} rounds")
    crash.prepare(vault)
    print(f"{crash.run(vault, ROUNDS, SEED)} keys acknowledged")


@pytest.mark.no_deadline
def test_kills_during_rekeys(vault):
    print(f"seed {SEED}, {ROUNDS} rounds")
    print(f"{rekey.run(vault, ROUNDS, SEED)} rekeys acknowledged")
