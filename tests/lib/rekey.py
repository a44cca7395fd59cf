"""Kill -9 at random moments while the root key is replaced again and again under load: what is
there afterwards is under the old root key or the new one, and every slot opens it."""

import random
import threading
import time

from lib.crash import Writer
from lib.vault import KEYFILE

PASSPHRASE = b"correct horse battery"
WRITERS = 2
TENANTS = 40  # so that a rekey is more than a moment
ENDS = (EOFError, BrokenPipeError, ConnectionResetError, FileNotFoundError, ConnectionRefusedError)


class Rekeyer(threading.Thread):
    """Replaces the root key, adds, replaces and removes slots, until the daemon dies."""

    def __init__(self, vault, dice):
        super().__init__(daemon=True)
        self.vault, self.dice = vault, dice
        self.generation = 0  # the last that was acknowledged
        self.rekeys = 0
        self.errors = []

    def run(self):
        try:
            with self.vault.admin() as admin:
                while True:
                    self.step(admin)
        except ENDS:
            pass
        except Exception as e:  # noqa: BLE001 - looked at by who joins
            self.errors.append(e)

    def step(self, admin):
        self.generation = admin.call("sys.rekey")["generation"]
        self.rekeys += 1
        if self.dice.random() < 0.3:
            slots = {s["slot"] for s in admin.call("slot.list")["items"]}
            if "spare" in slots:
                admin.call("slot.remove", slot="spare")
            else:
                admin.call("slot.add", slot="spare", keyfile=b"s" * 32)


def prepare(vault):
    """Three ways to unseal; answers them."""
    vault.admin_call("slot.add", slot="console", passphrase=PASSPHRASE)
    words = vault.admin_call("slot.add", slot="board", shares=3, threshold=2)["shares"]
    acme = vault.new_tenant("acme")
    acme.key("token-key")
    acme.profile(key="token-key")
    acme.close()
    with vault.admin() as admin:
        for n in range(TENANTS):
            admin.call("tenant.create", tenant=f"t{n}")
            with vault.app() as app:
                app.call("key.create", tenant=f"t{n}", name="k", algorithm="HS256", usage="raw")
    return words


def unseal(vault, words, way):
    if way == 0:
        return vault.unseal(keyfile=KEYFILE, slot="initial")
    if way == 1:
        return vault.unseal(passphrase=PASSPHRASE)
    vault.unseal(share=words[0])
    return vault.unseal(share=words[2])


def check_tenants(vault):
    with vault.app() as app:
        for n in range(TENANTS):
            assert app.call("key.sign", tenant=f"t{n}", name="k", message=b"m")["version"] == 1


def check_writers(vault, writers):
    with vault.app() as app:
        for writer in writers:
            for name, version in writer.made.items():
                key = app.call("key.get", tenant="acme", name=name)
                assert len(key["versions"]) in (version, version + 1), (name, key)


def check_audit(vault, first):
    """The oldest records stand in segments of root keys that are long gone."""
    assert vault.verify_audit()["first"] == 1
    with vault.admin() as admin:
        made = admin.call("audit.query", method="tenant.create", order="oldest", limit=1)["items"]
    assert made[0]["seq"] == first


def one_round(vault, dice, number, words):
    writers = [Writer(vault, n, number) for n in range(WRITERS)]
    rekeyer = Rekeyer(vault, dice)
    for thread in [*writers, rekeyer]:
        thread.start()
    time.sleep(dice.uniform(0.01, 0.25))
    vault.kill()
    for thread in [*writers, rekeyer]:
        thread.join(30)
        assert not thread.is_alive() and not thread.errors, thread.errors
    vault.start()
    assert unseal(vault, words, number % 3) == {"sealed": False}
    check_tenants(vault)
    check_writers(vault, writers)
    return rekeyer


def run(vault, rounds, seed):
    """Answers how many rekeys were acknowledged."""
    dice = random.Random(seed)
    words = prepare(vault)
    with vault.admin() as admin:
        made = admin.call("audit.query", method="tenant.create", order="oldest", limit=1)["items"]
    rekeys = 0
    for number in range(rounds):
        rekeyer = one_round(vault, dice, number, words)
        generation = vault.admin_call("sys.rekey")["generation"]
        # The one that was in flight happened or did not.
        assert generation > rekeyer.generation
        rekeys += rekeyer.rekeys
        if number % 5 == 4:
            check_audit(vault, made[0]["seq"])
    for way in range(3):
        vault.restart(unseal=False)
        assert unseal(vault, words, way) == {"sealed": False}
        check_tenants(vault)
        check_audit(vault, made[0]["seq"])
    assert rekeys > 0
    return rekeys
