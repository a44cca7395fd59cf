"""Kill -9 while a tenant is given a new key, and while another is erased."""

import os
import random
import time

import pytest

from lib.rich import Rich, wait_rekeyed
from lib.rpc import VaultError
from lib.vault import Tenant

ROUNDS = int(os.environ.get("VAULTD_CRASH_ROUNDS", "30"))
SEED = int(os.environ.get("VAULTD_CRASH_SEED", str(int(time.time()))))


def begin(vault, method, **fields):
    """Sent and not waited for: the kill may come before, within or behind it."""
    conn = vault.admin()
    conn.start(method, fields)
    return conn


@pytest.mark.no_deadline
def test_kills_during_rekeys_and_erasures(vault):
    print(f"seed {SEED}, {ROUNDS} rounds")
    dice = random.Random(SEED)
    rich = Rich(vault.new_tenant("acme"), secrets=2000).fill()
    for n in range(ROUNDS):
        victim = vault.new_tenant(f"victim{n}")
        key = victim.call("apikey.create", name="gw", scopes=["x"])["key"]
        calls = [("secret.put", victim.fields(name=f"s{i}", value=b"v" * 200)) for i in range(400)]
        victim.conn.call_many(calls)
        conns = [
            begin(vault, "tenant.rekey", tenant="acme"),
            begin(vault, "tenant.erase", tenant=victim.name, confirm=victim.name),
        ]
        time.sleep(dice.choice([0, 0.002, 0.01]) + dice.uniform(0, 0.15))
        vault.kill()
        for conn in [*conns, victim]:
            conn.close()
        vault.start_again()
        fresh = Rich(Tenant(vault, "acme"), secrets=rich.secrets)
        fresh.made = rich.made
        fresh.check()
        check_victim(vault, victim.name, key)
        if n % 5 == 4:
            wait_rekeyed(vault, "acme")
            fresh.check()
    vault.verify_audit()


def check_victim(vault, name, key):
    """Whole or gone."""
    with vault.app() as app:
        try:
            app.call("tenant.get", tenant=name)
        except VaultError as e:
            assert e.code == "not_found"
            with vault.admin() as admin:
                assert admin.call("apikey.verify", key=key)["valid"] is False
            return
        assert len(app.pages("secret.list", 1000, tenant=name)) == 400
        assert app.call("apikey.verify", tenant=name, key=key)["valid"] is True
