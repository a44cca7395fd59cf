"""A new root key: everything stays good, whoever is at work meanwhile."""

from lib.vault import KEYFILE

PASSPHRASE = b"correct horse battery"


def add(vault, slot, **secret):
    return vault.admin_call("slot.add", slot=slot, **secret)


def unseal_by(vault, shares):
    for text in shares:
        answer = vault.unseal(share=text)
    return answer


def fill(vault):
    """What must still be good after a rekey."""
    acme = vault.new_tenant("acme")
    acme.import_hs(b"k" * 32, "raw", usage="raw")
    acme.key("k")
    acme.profile(issuer="iss")
    acme.call("secret.put", name="s", value=b"a secret")
    return {
        "tenant": acme,
        "token": acme.sign()["token"],
        "signature": acme.call("key.sign", name="raw", message=b"m"),
        "key": acme.call("apikey.create", name="one", scopes=["read"])["key"],
    }


def check(vault, what):
    acme = what["tenant"]
    acme.close()
    acme.conn = vault.app()
    assert acme.call("key.sign", name="raw", message=b"m") == what["signature"]
    assert acme.verify(what["token"])["valid"] is True
    assert acme.call("secret.get", name="s")["value"] == b"a secret"
    with vault.app() as app:
        assert app.call("apikey.verify", key=what["key"])["valid"] is True


def creations(vault):
    with vault.admin() as admin:
        return [
            (r["seq"], r["tenant"])
            for r in admin.pages("audit.query", 1000, method="tenant.create", order="oldest")
        ]


def test_rekey_keeps_everything(vault):
    add(vault, "console", passphrase=PASSPHRASE)
    words = add(vault, "board", shares=3, threshold=2)["shares"]
    what = fill(vault)
    before = creations(vault)
    assert vault.admin_call("sys.rekey") == {"generation": 2}
    check(vault, what)
    assert vault.admin_call("sys.rekey") == {"generation": 3}
    vault.new_tenant("later").close()
    check(vault, what)
    assert creations(vault)[:-1] == before
    vault.verify_audit()
    for unseal in (
        vault.unseal,
        lambda: vault.unseal(passphrase=PASSPHRASE),
        lambda: unseal_by(vault, words[1:]),
    ):
        for again in (vault.stop, vault.kill):
            again()
            vault.start()
            assert unseal() == {"sealed": False}
            check(vault, what)
            assert creations(vault)[:-1] == before
            vault.verify_audit()
    assert vault.admin_call("sys.rekey") == {"generation": 4}
    what["tenant"].close()


def test_rekey_while_others_read_and_write(vault):
    tenants = [vault.new_tenant(f"t{n}") for n in range(20)]
    for tenant in tenants:
        tenant.key("k", usage="raw")
    with vault.admin() as admin:
        for round_ in range(10):
            ids = [
                t.conn.start("key.sign", t.fields(name="k", message=b"m"))
                for t in tenants
                for _ in range(20)
            ]
            writes = [
                t.conn.start("key.create", t.fields(name=f"n{round_}", algorithm="HS256"))
                for t in tenants
            ]
            rekey = admin.start("sys.rekey", {})
            for n, msgid in enumerate(ids):
                assert tenants[n // 20].conn.wait(msgid)["version"] == 1
            for tenant, msgid in zip(tenants, writes):
                assert tenant.conn.wait(msgid)["version"] == 1
            assert admin.wait(rekey)["generation"] == round_ + 2
    for tenant in tenants:
        tenant.close()
    vault.restart()
    vault.verify_audit()


def test_rekeys_at_once(vault):
    with vault.admin() as admin:
        answers = admin.call_many([("sys.rekey", {})] * 20)
    assert [a["generation"] for a in answers] == list(range(2, 22))
    vault.restart()
    vault.verify_audit()


def test_audit_of_many_root_keys(vault):
    """Segments of each of thirty root keys, some of them of a daemon that was killed."""
    for n in range(30):
        vault.new_tenant(f"t{n}").close()
        vault.admin_call("sys.rekey")
        if n % 10 == 9:
            vault.kill()
            vault.start_again()
    assert [t for _, t in creations(vault)] == [f"t{n}" for n in range(30)]
    vault.verify_audit()


def test_a_removed_slot_opens_nothing_new(vault):
    add(vault, "other", keyfile=b"x" * 64)
    vault.admin_call("slot.remove", slot="initial")
    vault.seal()
    with vault.admin() as admin:
        assert admin.error("sys.unseal", keyfile=KEYFILE).code == "denied"
    assert vault.unseal(keyfile=b"x" * 64) == {"sealed": False}
