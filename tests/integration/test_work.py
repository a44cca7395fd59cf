"""sys.status tells of long work while it goes on, and of none afterwards."""

import socket
import time

from lib.rpc import VaultError

RECORDS = 30000
ROWS = 3000
TRIES = 40  # how often it is begun, where it ended before anybody could look


def watch(app, ended):
    """What sys.status tells of work until ended() says so."""
    seen = []
    while not ended():
        seen += app.call("sys.status").get("work", [])
    return seen


def until_seen(attempt, method):
    """The items of that method, from as many attempts as it takes to see some."""
    for _ in range(TRIES):
        items = [item for item in attempt() if item["method"] == method]
        if items:
            return items
    raise AssertionError(f"{method} was never seen at work")


def assert_sound(items, unit):
    for item in items:
        assert item["unit"] == unit and 0 <= item["done"]
        assert item["done"] <= item.get("total", item["done"])
        assert abs(time.time() - item["since"]) < 600


def test_verifying_a_large_audit(vault):
    tenant = vault.new_tenant("acme")
    tenant.key("k", usage="raw")
    call = ("key.sign", {"tenant": tenant.name, "name": "k", "message": b"m"})
    with vault.app() as app, vault.admin() as admin:
        assert not any(isinstance(a, VaultError) for a in app.call_many([call] * RECORDS))

        def verify():
            msgid = admin.start("audit.verify", {})
            seen = []
            admin.sock.setblocking(False)
            while True:
                try:
                    if admin.sock.recv(1, socket.MSG_PEEK):
                        break
                except BlockingIOError:
                    seen += app.call("sys.status").get("work", [])
            admin.sock.settimeout(60)
            assert admin.wait(msgid)["ok"] is True
            assert "work" not in app.call("sys.status")
            return seen

        items = until_seen(verify, "audit.verify")
        assert_sound(items, "records")
        assert max(item["total"] for item in items if "total" in item) >= RECORDS


def test_a_tenant_that_gets_a_new_key_or_goes(vault):
    tenant = vault.new_tenant("acme")
    put = [
        ("secret.put", {"tenant": tenant.name, "name": f"s{n}", "value": b"v"}) for n in range(ROWS)
    ]
    with vault.app() as app:
        assert not any(isinstance(a, VaultError) for a in app.call_many(put))

        def at_rest():
            return "background" not in app.call("sys.status")

        def rekey():
            vault.admin_call("tenant.rekey", tenant=tenant.name)
            return watch(app, at_rest)

        items = until_seen(rekey, "tenant.rekey")
        assert_sound(items, "rows")
        assert all(item["total"] >= ROWS for item in items)
        vault.admin_call("tenant.erase", tenant=tenant.name, confirm=tenant.name)
        assert_sound([i for i in watch(app, at_rest) if i["method"] == "tenant.erase"], "rows")
        assert "work" not in app.call("sys.status")
    vault.check_store()
