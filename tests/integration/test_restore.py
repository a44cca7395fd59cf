"""vaultd restore: what was in a backup is there again, and what was taken away after it stays away."""

import os
import shutil
import subprocess
import time

import jwt
import pytest

from lib.backup import Lost, listing, new_directory, restore, secret_file, take
from lib.vault import BUILD, KEYFILE, Tenant, Vault
from test_export import PASSPHRASE, export, quiet


@pytest.fixture
def lost():
    made = Lost()
    yield made
    made.close()


def test_round_trip(lost):
    acme = lost.vault.new_tenant("acme")
    acme.key()
    acme.key("e", algorithm="EdDSA")
    acme.profile()
    acme.profile("pe", key="e")
    token, signed = acme.sign()["token"], acme.sign("pe")["token"]
    acme.call("secret.put", name="db", value=b"hunter2")
    apikey = acme.call("apikey.create", name="bot", kind="ancillary", scopes=["a"])
    lost.backup()
    again = Tenant(lost.restored(), "acme")
    assert again.verify(token)["valid"] is True
    assert again.verify(signed, "pe")["valid"] is True
    assert again.call("secret.get", name="db")["value"] == b"hunter2"
    assert again.conn.call("apikey.verify", key=apikey["key"])["valid"] is True
    assert again.verify(again.sign()["token"])["valid"] is True
    again.vault.verify_audit()
    assert again.vault.admin_call("sys.check")["ok"] is True
    again.vault.restart()
    assert again.vault.status()["anchor"]["ok"] is True
    assert again.vault.admin_call("sys.check")["ok"] is True


def fill(vault):
    acme = vault.new_tenant("acme")
    acme.call("secret.put", name="db", value=b"hunter2")
    return acme


def value_in(lost, into):
    """What the restored store answers."""
    again = Vault(lost.config)
    try:
        shutil.rmtree(again.state)
        shutil.copytree(into, again.state)
        again.state.chmod(0o700)
        again.start()
        again.unseal()
        return Tenant(again, "acme").call("secret.get", name="db")["value"]
    finally:
        again.close()


def test_with_a_passphrase_of_its_own():
    with Lost("backup_passphrase = true") as lost:
        fill(lost.vault)
        lost.backup(passphrase=b"correct horse battery")
        lost.lose()
        file = secret_file(lost.root, b"correct horse battery\n", "words")
        into = new_directory(lost.root, "into")
        done = restore(lost.file, into, "--accept-gap", "--passphrase-file", file, check=0)
        assert "restored" in done.stdout
        assert value_in(lost, into) == b"hunter2"
        wrong = secret_file(lost.root, b"correct horse batterx\n", "wrong")
        into = new_directory(lost.root, "other")
        restore(lost.file, into, "--accept-gap", "--passphrase-file", wrong, check=2)
        assert listing(into) == []


def test_for_a_recipient(tmp_path):
    made = subprocess.run(
        [BUILD / "vaultctl", "backup", "identity", tmp_path / "identity"],
        capture_output=True,
        text=True,
        check=True,
    )
    with Lost(made.stdout) as lost:
        fill(lost.vault)
        lost.backup(recipient="backup")
        lost.lose()
        into = new_directory(lost.root, "into")
        restore(lost.file, into, "--accept-gap", "--identity", tmp_path / "identity", check=0)
        assert value_in(lost, into) == b"hunter2"
        into = new_directory(lost.root, "other")
        done = restore(lost.file, into, "--accept-gap", keyfile=lost.keyfile, check=2)
        assert "not for a secret of this kind" in done.stderr


def test_with_shares():
    with Lost() as lost:
        fill(lost.vault)
        slot = lost.vault.admin_call("slot.add", slot="safe", shares=5, threshold=3)
        lost.backup()
        lost.lose()
        files = [
            secret_file(lost.root, words.encode() + b"\n", f"share{i}")
            for i, words in enumerate(slot["shares"])
        ]
        for chosen, status, says in (
            (files[1:4], 0, ""),
            (files[:2], 1, "1 more shares are needed"),
            ([files[0]] * 3, 1, f"{files[0]}: this share was given already"),
        ):
            into = new_directory(lost.root, f"into{len(listing(lost.root))}")
            more = [word for file in chosen for word in ("--share-file", file)]
            done = restore(lost.file, into, "--accept-gap", *more, check=status)
            assert (listing(into) == []) is (status != 0) and says in done.stderr
            if status == 0:
                assert value_in(lost, into) == b"hunter2"


def test_split_keys():
    with Lost() as lost:
        fill(lost.vault)
        lost.backup(split=True)
        lost.lose()
        keys = lost.root / "backup.keys"
        away = lost.root / "away"
        into = new_directory(lost.root, "into")
        lost.restore(audit=False, into=into, check=2)
        assert listing(into) == []
        keys.rename(away)
        done = lost.restore("--accept-gap", audit=False, into=into, check=1)
        assert "no tenant can be served" in done.stderr and listing(into) == []
        lost.restore("--accept-gap", "--keys", lost.file, audit=False, into=into, check=2)
        assert listing(into) == []
        done = restore(away, into, "--accept-gap", keyfile=lost.keyfile, check=1)
        assert "give the other one" in done.stderr
        lost.restore("--accept-gap", "--keys", away, audit=False, into=into, check=0)
        assert value_in(lost, into) == b"hunter2"


def test_keys_of_another_backup():
    with Lost() as lost:
        fill(lost.vault)
        lost.backup(split=True)
        take(lost.vault, lost.root / "later", split=True)
        lost.lose()
        into = new_directory(lost.root, "into")
        done = lost.restore("--keys", lost.root / "later.keys", into=into, check=2)
        assert "does not hold the keys of this backup" in done.stderr
        assert listing(into) == []


def test_after_a_new_root_key(lost):
    """The backup's root key no longer opens the later segments, but the slot does."""
    acme = fill(lost.vault)
    acme.key()
    acme.profile()
    token, other = acme.sign(), acme.sign()
    lost.backup()
    acme.call("token.revoke", jti=token["jti"])
    lost.vault.admin_call("sys.rekey")
    lost.vault.restart()
    Tenant(lost.vault, "acme").call("token.revoke", jti=other["jti"])
    again = Tenant(lost.restored(), "acme")
    assert again.reason(token["token"]) == "revoked"
    assert again.reason(other["token"]) == "revoked"
    again.vault.admin_call("sys.rekey")
    again.vault.restart()
    again.vault.verify_audit()


def test_a_backup_after_a_new_root_key(lost):
    fill(lost.vault)
    lost.vault.admin_call("sys.rekey")
    lost.vault.restart()
    lost.backup()
    Tenant(lost.vault, "acme").call("secret.destroy", name="db")
    again = Tenant(lost.restored(), "acme")
    assert again.error("secret.get", name="db").code == "not_found"


def test_pyjwt_verifies_what_was_signed_before(lost):
    acme = lost.vault.new_tenant("acme")
    acme.key("e", algorithm="EdDSA")
    acme.profile("pe", key="e", issuer="me", audience=["them"])
    before = acme.sign("pe")["token"]
    lost.backup()
    again = Tenant(lost.restored(), "acme")
    jwks = jwt.PyJWKSet.from_json(again.call("key.public", name="e")["jwks"])
    for token in (before, again.sign("pe")["token"]):
        key = jwks[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key.key, algorithms=["EdDSA"], audience="them", issuer="me")
        assert claims["sub"] == "learner-42"


def test_a_user_of_the_states_owner():
    """Root restores for the daemon's user: the files are his."""
    with Lost() as lost:
        fill(lost.vault)
        lost.backup()
        lost.lose()
        lost.root.chmod(0o755)
        into = new_directory(lost.root, "into")
        os.chown(into, 20001, 20001)
        done = lost.restore(into=into, check=1)
        assert "cannot be read by uid 20001" in done.stderr and listing(into) == []
        for path in (lost.vault.state, *lost.vault.state.rglob("*")):
            os.chown(path, 20001, 20001)
        lost.restore(into=into)
        owners = {(into / name).stat().st_uid for name in listing(into)}
        owners |= {path.stat().st_uid for path in into.rglob("*")}
        assert owners == {20001}


def test_an_anchor_that_stands_elsewhere(tmp_path):
    """It is the lost store's: root says once that he knows."""
    tmp_path.chmod(0o700)
    with Lost(f'anchor_dir = "{tmp_path}"') as lost:
        fill(lost.vault)
        lost.backup()
        for i in range(5):
            Tenant(lost.vault, "acme").call("secret.put", name="db", value=b"late")
        lost.lose()
        before = (tmp_path / "anchor").read_bytes()
        again = Vault(lost.config)
        try:
            config = ("--config", again.config)
            shutil.rmtree(again.state)
            again.state.mkdir(mode=0o700)
            done = lost.restore(*config, into=again.state)
            assert "accept the rollback" in done.stdout
            assert (tmp_path / "anchor").read_bytes() == before
            again.start()
            with again.admin() as root:
                assert root.error("sys.unseal", keyfile=KEYFILE).code == "integrity"
                root.call("sys.unseal", keyfile=KEYFILE, accept_rollback=True)
            again.restart()
            value = Tenant(again, "acme").call("secret.get", name="db")["value"]
            assert value == b"hunter2"
        finally:
            again.close()


def erase(vault, tenant):
    return vault.admin_call("tenant.erase", tenant=tenant, confirm=tenant)["certificate"]


def two_tenants(lost):
    for name in ("acme", "other"):
        tenant = lost.vault.new_tenant(name)
        tenant.key()
        tenant.profile()
        tenant.call("secret.put", name="db", value=b"of " + name.encode())
        tenant.call("apikey.create", name="k", scopes=["a"], expires_at=2**32)


def tenants_of(vault):
    with vault.admin() as admin:
        return sorted(item["tenant"] for item in admin.pages("tenant.list", 100))


def test_an_erased_tenant_stays_erased(lost):
    two_tenants(lost)
    lost.backup()
    erase(lost.vault, "acme")
    again = lost.restored()
    assert tenants_of(again) == ["other"]
    assert "1 erased tenant" in lost.told
    assert Tenant(again, "other").call("secret.get", name="db")["value"] == b"of other"
    assert again.admin_call("sys.check")["ok"] is True
    again.new_tenant("acme").key()
    again.restart()
    again.verify_audit()


def test_a_certificate(lost):
    """Without the audit, what the erasure handed out says it."""
    two_tenants(lost)
    lost.backup()
    certificate = secret_file(lost.root, erase(lost.vault, "acme").encode(), "certificate")
    again = lost.restored("--accept-gap", "--erased", certificate, audit=False)
    assert tenants_of(again) == ["other"]
    assert Tenant(again, "other").call("secret.get", name="db")["value"] == b"of other"


def test_a_certificate_of_a_tenant_that_is_gone(lost):
    two_tenants(lost)
    certificate = secret_file(lost.root, erase(lost.vault, "acme").encode(), "certificate")
    while "background" in lost.vault.status():
        time.sleep(0.1)
    lost.backup()
    assert tenants_of(lost.restored("--erased", certificate)) == ["other"]


def test_a_certificate_that_is_none(lost):
    two_tenants(lost)
    lost.backup()
    good = erase(lost.vault, "acme")
    lost.lose()
    for i, text in enumerate(
        (good.replace("acme", "othe"), good[:-3], good + "\n", "", good.replace("number: 1", "number: 2"))
    ):
        certificate = secret_file(lost.root, text.encode(), f"certificate{i}")
        into = new_directory(lost.root, f"into{i}")
        done = lost.restore("--erased", certificate, into=into, check=2)
        assert "not one of this store" in done.stderr and listing(into) == []


def test_another_stores_certificate(lost):
    two_tenants(lost)
    lost.backup()
    lost.lose()
    with Lost() as other:
        two_tenants(other)
        certificate = secret_file(lost.root, erase(other.vault, "acme").encode(), "certificate")
    into = new_directory(lost.root, "into")
    lost.restore("--erased", certificate, into=into, check=2)
    assert listing(into) == []


def test_nothing_of_an_erased_tenant_is_in_the_file(lost):
    """Its rows stood in the store for a moment; the copy that is put in place has no such page."""
    two_tenants(lost)
    lost.backup()
    certificate = secret_file(lost.root, erase(lost.vault, "acme").encode(), "certificate")
    lost.lose()
    into, full = new_directory(lost.root, "a"), new_directory(lost.root, "b")
    lost.restore("--accept-gap", "--erased", certificate, audit=False, into=into)
    lost.restore("--accept-gap", audit=False, into=full)
    size = {p: (p / "store" / "data.mdb").stat().st_size for p in (into, full)}
    assert size[into] < size[full]


def test_a_backup_taken_while_a_tenant_was_imported(lost):
    """Its rows stand under a number that nobody knows; they are swept, and the others served."""
    two_tenants(lost)
    with Lost() as other:
        two_tenants(other)
        data = export(other.vault, "acme")
    with lost.vault.admin() as admin:
        handle = admin.call("tenant.import", passphrase=PASSPHRASE)["import"]
        half = data[: len(data) - 100]
        admin.call_map("import.write", {"import": handle, "offset": 0, "data": half})
        lost.backup()
    for audit in (True, False):
        again = lost.restored(*(() if audit else ("--accept-gap",)), audit=audit)
        assert tenants_of(again) == ["acme", "other"]
        assert Tenant(again, "acme").call("secret.get", name="db")["value"] == b"of acme"
        quiet(again)
        assert again.admin_call("sys.check")["ok"] is True
        again.close()


def test_a_dropped_tenant_takes_its_grants_and_answers_along(lost):
    """Whoever comes to have the name must not find rights, dues or answers of the one before."""
    two_tenants(lost)
    lost.vault.admin_call(
        "grant.put", principal="uid:4242", role="tenant-admin", tenants=["acme"]
    )
    both = lost.vault.admin_call(
        "grant.put", principal="uid:4243", role="tenant-admin", tenants=["acme", "other"]
    )["grant"]
    lost.vault.admin_call(
        "apikey.create", tenant="acme", name="k", scopes=["a"], request_id="once"
    )
    lost.vault.admin_call("key.create", tenant="acme", name="d", algorithm="HS256")
    lost.vault.admin_call("key.delete", tenant="acme", name="d", delay=86400)
    lost.backup()
    certificate = secret_file(lost.root, erase(lost.vault, "acme").encode(), "certificate")
    for more, audit in (((), True), (("--accept-gap", "--erased", certificate), False)):
        again = lost.restored(*more, audit=audit)
        grants = again.admin_call("grant.list")["items"]
        assert not [g for g in grants if g["principal"] == "uid:4242"]
        assert [g["tenants"] for g in grants if g["grant"] == both] == [["other"]]
        again.new_tenant("acme").close()
        made = again.admin_call(
            "apikey.create", tenant="acme", name="k", scopes=["a"], request_id="once"
        )
        assert "replayed" not in made
        assert again.admin_call("sys.check")["ok"] is True
        again.close()
