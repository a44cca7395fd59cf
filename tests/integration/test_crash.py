"""A small form of tests/crash: a few kills under concurrent writes."""

from lib import crash, rekey
from lib.vault import KEYFILE


def test_a_few_kills_under_load(vault):
    crash.prepare(vault)
    crash.run(vault, rounds=4, seed=3)


def test_a_kill_while_unsealing(vault):
    crash.prepare(vault)
    for _ in range(3):
        vault.kill()
        vault.start()
        with vault.admin() as admin:
            admin.start("sys.unseal", {"keyfile": KEYFILE})
            vault.kill()
        vault.start_again()
    vault.verify_audit()


def test_a_kill_right_after_start(vault):
    for _ in range(5):
        vault.kill()
        vault.spawn()
        vault.kill()
        vault.start()
    vault.unseal()
    vault.verify_audit()


def test_a_few_kills_during_rekeys(vault):
    rekey.run(vault, rounds=6, seed=3)
