"""tenant.rekey: a new record key, online; what was made before stays good."""

import threading
import time

from lib.rich import Rich, wait_rekeyed
from lib.vault import Tenant
from lib.watch import Watcher


def rekey(vault, name):
    assert vault.admin_call("tenant.rekey", tenant=name) == {}
    return wait_rekeyed(vault, name)


def test_everything_stays_good(vault):
    acme = vault.new_tenant("acme")
    rich = Rich(acme).fill()
    for _ in range(3):
        rekey(vault, "acme")
        rich.check()
        # The row of a deleted key is found by its id alone.
        deleted = acme.records(id=rich.made["deleted"]["id"], method="apikey.delete")
        assert [r["name"] for r in deleted] == ["was-here"]
    vault.restart()
    fresh = Rich(Tenant(vault, "acme"))
    fresh.made = rich.made
    fresh.check()
    rekey(vault, "acme")
    fresh.check()
    vault.verify_audit()


def test_it_is_told_and_watched(vault):
    acme = vault.new_tenant("acme")
    Rich(acme, secrets=3000).fill()
    with Watcher(vault.admin_path) as watcher, vault.admin() as admin:
        watcher.watch(kinds=["rekeyed"])
        admin.call("tenant.rekey", tenant="acme")
        assert admin.error("tenant.rekey", tenant="acme").code == "conflict"
        told = wait_rekeyed(vault, "acme")
        event = watcher.event()
        assert (event["kind"], event["tenant"]) == ("rekeyed", "acme")
    assert told and all(0 <= done <= total for done, total in told)
    assert told[-1][0] > told[0][0] and told[0][1] > 3000
    assert told == sorted(told)
    ends = [r for r in acme.records(method="tenant.rekey") if r.get("actor") == "schedule"]
    assert len(ends) == 1 and ends[0]["outcome"] == "ok"


def test_others_write_and_read_meanwhile(vault):
    acme, other = vault.new_tenant("acme"), vault.new_tenant("other")
    rich = Rich(acme, secrets=4000).fill()
    stop, failed, made = threading.Event(), [], []

    def work(name):
        mine = Tenant(vault, name)
        n = 0
        try:
            while not stop.is_set():
                mine.call("secret.put", name=f"w/{n % 50}", value=b"%d" % n)
                assert mine.call("secret.get", name=f"w/{n % 50}")["value"] == b"%d" % n
                n += 1
        except Exception as e:  # noqa: BLE001
            failed.append(e)
        made.append((name, n))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("acme", "other")]
    threads.append(threading.Thread(target=read_all, args=(vault, rich, stop, failed)))
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    for _ in range(3):
        rekey(vault, "acme")
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed, failed
    assert all(n > 20 for _, n in made)
    for n in range(50):
        acme.call("secret.destroy", name=f"w/{n}")
    assert other.call("secret.list")["items"]
    vault.verify_audit()


def read_all(vault, rich, stop, failed):
    mine = Tenant(vault, "acme")
    keys = [mine.call("apikey.create", name="r", scopes=["read"])["key"] for _ in range(5)]
    try:
        while not stop.is_set():
            for n in range(1, 40):
                assert mine.call("secret.get", name=f"s/{n:06}")["value"] == rich.value(n)
            assert all(mine.call("apikey.verify", key=k)["valid"] for k in keys)
    except Exception as e:  # noqa: BLE001
        failed.append(e)


def test_it_goes_on_after_a_seal_and_a_kill(vault):
    acme = vault.new_tenant("acme")
    rich = Rich(acme, secrets=3000).fill()
    vault.admin_call("tenant.rekey", tenant="acme")
    vault.seal()
    vault.unseal()
    rich.check()
    wait_rekeyed(vault, "acme")
    rich.check()
    vault.admin_call("tenant.rekey", tenant="acme")
    for _ in range(4):
        time.sleep(0.03)
        vault.kill()
        vault.start_again()
        fresh = Rich(Tenant(vault, "acme"), secrets=rich.secrets)
        fresh.made = rich.made
        fresh.check()
    wait_rekeyed(vault, "acme")
    fresh.check()
    vault.verify_audit()


def test_a_suspended_tenant_is_rekeyed_too(vault):
    acme = vault.new_tenant("acme")
    rich = Rich(acme).fill()
    vault.admin_call("tenant.suspend", tenant="acme")
    rekey(vault, "acme")
    vault.admin_call("tenant.resume", tenant="acme")
    rich.check()


def test_no_such_tenant(admin):
    assert admin.error("tenant.rekey", tenant="nobody").code == "not_found"
