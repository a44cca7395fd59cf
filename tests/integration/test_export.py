"""tenant.export and tenant.import: a tenant goes to another vault, and nothing of it is lost."""

import time

import pytest

from lib.rich import Rich
from lib.rpc import VaultError
from lib.vault import Tenant, Vault

PASSPHRASE = b"correct horse battery staple"
PIECE = 256 * 1024


def export(vault, name, passphrase=PASSPHRASE):
    with vault.admin() as admin:
        handle = admin.call("tenant.export", tenant=name, passphrase=passphrase)["backup"]
        data, done = b"", False
        while not done:
            piece = admin.call("backup.read", backup=handle)
            data, done = data + piece["data"], piece["done"]
        admin.call("backup.end", backup=handle)
    return data


def write(admin, data, passphrase=PASSPHRASE, piece=PIECE):
    handle = admin.call("tenant.import", passphrase=passphrase)["import"]
    fields = {"import": handle}
    for at in range(0, len(data), piece):
        admin.call_map("import.write", {**fields, "offset": at, "data": data[at : at + piece]})
    return handle


def take(vault, data, tenant=None, **options):
    with vault.admin() as admin:
        handle = write(admin, data, **options)
        fields = {"import": handle, **({"tenant": tenant} if tenant else {})}
        return admin.call_map("import.commit", fields)["tenant"]


def quiet(vault, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if "background" not in vault.status():
            return
        time.sleep(0.05)
    raise AssertionError(vault.status())


@pytest.fixture
def elsewhere():
    vault = Vault()
    try:
        vault.start()
        vault.init()
        yield vault
        vault.verify_audit()
    finally:
        vault.close()


def moved(rich, vault, name):
    """What was made in one vault, asked for in another."""
    there = Rich(Tenant(vault, name), secrets=rich.secrets, keys=rich.keys)
    there.made, there.value = rich.made, rich.value
    return there


def test_to_another_vault(vault, elsewhere):
    acme = vault.new_tenant("acme")
    rich = Rich(acme, secrets=300).fill()
    vault.admin_call("tenant.update", tenant="acme", display_name="Acme & Söhne")
    elsewhere.new_tenant("other").close()
    data = export(vault, "acme")
    assert take(elsewhere, data) == "acme"
    there = moved(rich, elsewhere, "acme")
    there.check()
    got = elsewhere.admin_call("tenant.get", tenant="acme")
    assert got == vault.admin_call("tenant.get", tenant="acme")
    for what in ("key.list", "profile.list", "secret.list"):
        assert there.tenant.pages(what, 100) == acme.pages(what, 100)
    # New tokens of it are numbered on from where it was.
    assert there.call("token.sign", profile="e", subject="s")["jti"] != rich.made["ed"]["jti"]
    assert elsewhere.admin_call("apikey.verify", key=rich.made["apikeys"][0]["key"])["valid"]
    elsewhere.restart()
    moved(rich, elsewhere, "acme").check()
    elsewhere.admin_call("tenant.rekey", tenant="acme")
    quiet(elsewhere)
    moved(rich, elsewhere, "acme").check()
    rich.check()


def test_under_another_name(vault, elsewhere):
    rich = Rich(vault.new_tenant("acme")).fill()
    elsewhere.new_tenant("acme").close()
    data = export(vault, "acme")
    with elsewhere.admin() as admin:
        handle = write(admin, data)
        assert admin.error_map("import.commit", {"import": handle}).code == "exists"
        done = admin.call_map("import.commit", {"import": handle, "tenant": "moved"})
        assert done == {"tenant": "moved"}
        assert admin.error_map("import.commit", {"import": handle}).code == "not_found"
    there = moved(rich, elsewhere, "moved")
    there.check_secrets()
    for key in rich.made["apikeys"]:
        assert there.call("apikey.verify", key=key["key"])["valid"] is True
    assert there.call("crypto.decrypt", name="box", ciphertext=rich.made["box"])


def test_nothing_is_seen_before(vault, elsewhere):
    rich = Rich(vault.new_tenant("acme")).fill()
    data = export(vault, "acme")
    with elsewhere.admin() as admin:
        handle = write(admin, data)
        assert admin.pages("tenant.list", 10) == []
        assert admin.error("key.list", tenant="acme").code == "not_found"
        answer = admin.call("apikey.verify", key=rich.made["apikeys"][0]["key"])
        assert answer["valid"] is False
        assert elsewhere.status()["tenants"] == 0
        admin.call_map("import.commit", {"import": handle})
        assert elsewhere.status()["tenants"] == 1
        assert admin.call("apikey.verify", key=rich.made["apikeys"][0]["key"])["valid"]


@pytest.mark.parametrize("how", ["connection", "seal", "kill"])
def test_what_was_not_committed_goes(vault, elsewhere, how):
    Rich(vault.new_tenant("acme"), secrets=200).fill()
    data = export(vault, "acme")
    with elsewhere.admin() as admin:
        write(admin, data)
        if how == "seal":
            elsewhere.seal()
            elsewhere.unseal()
        elif how == "kill":
            elsewhere.kill()
            elsewhere.start_again()
    quiet(elsewhere)
    time.sleep(1)
    quiet(elsewhere)
    assert elsewhere.admin_call("tenant.list")["items"] == []
    # Its API keys are in nobody's way.
    assert take(elsewhere, data) == "acme"


def test_keys_that_are_there_already(vault):
    rich = Rich(vault.new_tenant("acme")).fill()
    data = export(vault, "acme")
    with vault.admin() as admin, pytest.raises(VaultError) as e:
        write(admin, data)
    assert e.value.code == "conflict"
    quiet(vault)
    rich.check()
    vault.admin_call("tenant.erase", tenant="acme", confirm="acme")
    quiet(vault)
    assert take(vault, data) == "acme"
    moved(rich, vault, "acme").check()


def test_imported_key_ids_stay_unique(vault, elsewhere):
    """Of versions that stand in their key's record, and of those with a row of their own."""
    acme = vault.new_tenant("acme")
    for n, kid in enumerate(("older", "newer")):
        acme.call("key.import", name="k", algorithm="EdDSA", key=bytes([n]) * 32, kid=kid)
    take(elsewhere, export(vault, "acme"))
    there = Tenant(elsewhere, "acme")
    for kid in ("older", "newer"):
        error = there.error("key.import", name="x", algorithm="EdDSA", key=b"x" * 32, kid=kid)
        assert (error.code, error.field) == ("conflict", "kid")
    there.call("key.delete", name="k", delay=0)
    end = time.monotonic() + 10
    while there.call("key.list")["items"] and time.monotonic() < end:
        time.sleep(0.05)
    there.call("key.import", name="x", algorithm="EdDSA", key=b"x" * 32, kid="older")
    there.close()


def test_bulk_revocations_go_along(vault, elsewhere):
    acme = vault.new_tenant("acme")
    old = acme.call("apikey.create", name="old", scopes=["read"])
    time.sleep(1.1)
    acme.call("apikey.revoke", created_before=int(time.time()))
    new = acme.call("apikey.create", name="new", scopes=["read"])
    take(elsewhere, export(vault, "acme"))
    verify = Tenant(elsewhere, "acme").call
    assert verify("apikey.verify", key=old["key"])["reason"] == "revoked"
    assert verify("apikey.verify", key=new["key"])["valid"] is True


def test_wrong_passphrase_and_damage(vault, elsewhere):
    Rich(vault.new_tenant("acme")).fill()
    data = export(vault, "acme")
    with elsewhere.admin() as admin:
        with pytest.raises(VaultError) as e:
            write(admin, data, passphrase=b"another passphrase")
        assert e.value.code == "denied"
        for at in (3, 50, 200, 600, len(data) // 2, len(data) - 300, len(data) - 5):
            bad = bytearray(data)
            bad[at] ^= 1
            with pytest.raises(VaultError) as e:
                handle = write(admin, bytes(bad))
                admin.call_map("import.commit", {"import": handle})
            assert e.value.code in ("integrity", "denied", "unsupported", "conflict"), at
            time.sleep(0.6)
        for cut in (len(data) - 1, len(data) // 2, 10):
            handle = write(admin, data[:cut])
            assert admin.error_map("import.commit", {"import": handle}).code == "conflict"
        assert admin.pages("tenant.list", 10) == []


def test_offsets(vault, elsewhere):
    data = export(Rich(vault.new_tenant("acme")).fill().tenant.vault, "acme")
    with elsewhere.admin() as admin, elsewhere.admin() as other:
        handle = admin.call("tenant.import", passphrase=PASSPHRASE)["import"]
        fields = {"import": handle, "data": data[:1000]}
        assert admin.error_map("import.write", {**fields, "offset": 1}).field == "offset"
        admin.call_map("import.write", {**fields, "offset": 0})
        assert admin.error_map("import.write", {**fields, "offset": 0}).field == "offset"
        assert other.error_map("import.write", {**fields, "offset": 1000}).code == "not_found"
        rest = {"import": handle, "data": data[1000:], "offset": 1000}
        admin.call_map("import.write", rest)
        assert admin.call_map("import.commit", {"import": handle}) == {"tenant": "acme"}


def test_a_backup_is_no_export(vault, elsewhere):
    with vault.admin() as admin:
        handle = admin.call("backup.begin")["backup"]
        data = admin.call("backup.read", backup=handle)["data"]
        admin.call("backup.end", backup=handle)
    with elsewhere.admin() as admin, pytest.raises(VaultError) as e:
        write(admin, data)
    assert (e.value.code, e.value.field) == ("invalid_params", "data")


def test_imports_that_end_leave_the_others_alone(vault, elsewhere):
    tenant = vault.new_tenant("acme")
    for i in range(40):
        tenant.call("secret.put", name=f"s{i}", value=bytes([i]) * 1000)
    data = export(vault, "acme")
    half = len(data) - 300
    admins = [elsewhere.admin() for _ in range(4)]
    try:
        handles = [write(admin, data[:half]) for admin in admins]
        for order in (1, 0, 2):
            admins[order].close()
            time.sleep(0.7)  # its rows are swept, while the number of the last one stays
        quiet(elsewhere)
        late = elsewhere.admin()
        admins.append(late)
        handle = write(late, data)
        last = {"import": handles[3], "offset": half, "data": data[half:]}
        admins[3].call_map("import.write", last)
        admins[3].call_map("import.commit", {"import": handles[3], "tenant": "one"})
        late.call_map("import.commit", {"import": handle, "tenant": "two"})
    finally:
        for admin in admins:
            admin.close()
    for name in ("one", "two"):
        there = Tenant(elsewhere, name)
        assert there.call("secret.get", name="s7")["value"] == bytes([7]) * 1000
