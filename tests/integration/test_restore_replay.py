"""What was taken away after a backup stays away: each kind that the audit tells of."""

import base64
import time

import pytest

from lib import lmdb, totp
from lib.apikeys import Keys
from lib.backup import Lost
from lib.vault import Tenant


@pytest.fixture
def lost():
    made = Lost()
    yield made
    made.close()


@pytest.fixture
def acme(lost):
    tenant = lost.vault.new_tenant("acme")
    tenant.key()
    tenant.profile(max_uses=3)
    return tenant


def back(lost, *more, **how):
    return Tenant(lost.restored(*more, **how), "acme")


def number_of(token):
    """A token's issuance number, which its id begins with."""
    return int.from_bytes(base64.urlsafe_b64decode(token["jti"] + "=")[:8], "big")


def test_tokens_that_were_revoked(lost, acme):
    acme.profile("q")
    one, other = acme.sign("q"), acme.sign("q")
    bob, late = acme.sign("q", subject="bob"), acme.sign("q", subject="late")
    lost.backup()
    acme.call("token.revoke", jti=one["jti"])
    acme.call("token.revoke", subject="bob")
    acme.call("token.revoke", subject="late", before=int(time.time()) - 1000)
    again = back(lost)
    assert again.reason(one["token"], "q") == "revoked"
    assert again.reason(bob["token"], "q") == "revoked"
    assert again.verify(other["token"], "q")["valid"] is True
    assert again.verify(late["token"], "q")["valid"] is True, "issued after that time"
    assert again.verify(again.sign("q", subject="bob")["token"], "q")["valid"] is True
    assert "3 changes, 0 of them more strictly" in lost.told


def test_all_tokens_of_a_profile(lost, acme):
    acme.profile("q")
    early = acme.sign("q")
    lost.backup()
    between = acme.sign("q")
    acme.call("token.revoke", profile="q")
    late = acme.sign("q")
    again = back(lost)
    assert again.reason(early["token"], "q") == "revoked"
    assert again.reason(between["token"], "q") == "revoked"
    assert again.verify(late["token"], "q")["valid"] is True, "exact, by its number"
    assert again.verify(again.sign("q")["token"], "q")["valid"] is True


def test_a_foreign_token_id(lost, acme):
    lost.backup()
    acme.call("token.revoke", jti="not one of ours")
    back(lost)
    assert "1 change" in lost.told


def test_a_deleted_profile(lost, acme):
    token = acme.sign()["token"]
    lost.backup()
    acme.call("profile.delete", name="p")
    assert back(lost).error("token.verify", profile="p", token=token).code == "not_found"


def test_spent_uses_of_a_token(lost, acme):
    token = acme.sign()["token"]
    assert acme.verify(token, consume=True)["valid"] is True
    lost.backup()
    assert acme.verify(token, consume=True)["valid"] is True
    assert acme.verify(token, consume=True, use="a")["valid"] is True
    assert acme.reason(token, consume=True) == "used_up"
    again = back(lost)
    assert again.reason(token, consume=True) == "used_up"


def test_uses_left_of_a_token(lost, acme):
    token = acme.sign()["token"]
    lost.backup()
    acme.verify(token, consume=True)
    acme.verify(token)
    again = back(lost)
    assert again.verify(token, consume=True)["valid"] is True
    assert again.verify(token, consume=True)["valid"] is True
    assert again.reason(token, consume=True) == "used_up"


def test_new_tokens_get_new_numbers(lost, acme):
    lost.backup()
    between = acme.sign()
    again = back(lost)
    assert again.verify(between["token"])["valid"] is True
    assert number_of(again.sign()) >= number_of(between) + 2**36 - 2**21


def test_revoked_keys(lost, acme):
    acme.key("e", algorithm="EdDSA")
    acme.profile("pe", key="e")
    old = acme.sign("pe")["token"]
    acme.call("key.rotate", name="e", now=True)
    new = acme.sign("pe")["token"]
    token = acme.sign()["token"]
    lost.backup()
    acme.call("key.revoke", name="k")
    acme.call("key.revoke", name="e", version=1)
    again = back(lost)
    assert again.reason(token) == "key_revoked"
    assert again.reason(old, "pe") == "key_revoked"
    assert again.verify(new, "pe")["valid"] is True


def test_deleted_and_undeleted_keys(lost, acme):
    acme.key("gone")
    acme.key("kept")
    lost.backup()
    acme.call("key.delete", name="gone", delay=1000)
    acme.call("key.delete", name="kept")
    acme.call("key.undelete", name="kept")
    again = back(lost)
    assert again.call("key.get", name="gone")["state"] == "pending"
    assert abs(again.call("key.get", name="gone")["delete_at"] - time.time() - 1000) < 60
    assert again.call("key.get", name="kept")["state"] == "active"


def test_version_numbers_are_not_used_again(lost, acme):
    lost.backup()
    assert acme.call("key.rotate", name="k", now=True)["version"] == 2
    acme.key("young")
    acme.call("key.rotate", name="young", now=True)
    acme.call("secret.put", name="s", value=b"1")
    acme.call("secret.put", name="s", value=b"2")
    again = back(lost)
    assert again.call("key.rotate", name="k", now=True)["version"] == 3
    assert again.key("young")["version"] == 3
    assert again.call("secret.put", name="s", value=b"3", create=True)["version"] == 3
    assert again.verify(again.sign()["token"])["valid"] is True


def test_secrets(lost, acme):
    for name in ("hidden", "back", "part", "gone"):
        acme.call("secret.put", name=name, value=b"1")
        acme.call("secret.put", name=name, value=b"2")
    lost.backup()
    acme.call("secret.delete", name="hidden")
    acme.call("secret.delete", name="back")
    acme.call("secret.undelete", name="back")
    acme.call("secret.destroy", name="part", versions=[1])
    acme.call("secret.destroy", name="gone")
    again = back(lost)
    assert again.error("secret.get", name="hidden").code == "not_found"
    assert again.call("secret.get", name="back")["value"] == b"2"
    assert again.call("secret.get", name="part")["value"] == b"2"
    assert again.error("secret.get", name="part", version=1).code == "not_found"
    assert again.error("secret.get", name="gone").code == "not_found"
    assert again.error("secret.describe", name="gone").code == "not_found"


def test_api_keys(lost, acme):
    keys = Keys(acme)
    made = {
        name: keys.create(name)
        for name in ("revoked", "deleted", "off", "on", "narrow", "old", "short", "free")
    }
    acme.call("apikey.update", id=made["on"]["id"], disabled=True)
    lost.backup()
    acme.call("apikey.revoke", id=made["revoked"]["id"])
    acme.call("apikey.delete", id=made["deleted"]["id"])
    acme.call("apikey.update", id=made["off"]["id"], disabled=True)
    acme.call("apikey.update", id=made["on"]["id"], disabled=False)
    acme.call("apikey.update", id=made["narrow"]["id"], scopes=["less"])
    acme.call("apikey.update", id=made["free"]["id"], owner="me")
    acme.call("apikey.rotate", id=made["old"]["id"], grace=1000)
    acme.call("apikey.rotate", id=made["short"]["id"], grace=0)
    again = Keys(back(lost))
    reason = {name: again.verify(key["key"]).get("reason") for name, key in made.items()}
    assert reason == {
        "revoked": "revoked",
        "deleted": "invalid",
        "off": "disabled",
        "on": None,
        "narrow": "disabled",
        "old": None,
        "short": "revoked",
        "free": None,
    }
    assert again.state(made["old"]["id"]) == "grace"
    assert "1 of them more strictly" in lost.told


def test_api_keys_revoked_together(lost, acme):
    keys = Keys(acme)
    a, b = keys.create("a", kind="ancillary"), keys.create("b", kind="primary", scopes=())
    lost.backup()
    acme.call("apikey.revoke", created_before=int(time.time()) + 10, kind="ancillary")
    again = Keys(back(lost))
    assert again.reason(a["key"]) == "revoked"
    assert again.verify(b["key"])["valid"] is True
    assert again.verify(again.create("c")["key"])["valid"] is True


def test_spent_uses_of_an_api_key(lost, acme):
    keys = Keys(acme)
    key = keys.create("few", uses=3)
    keys.verify(key["key"])
    lost.backup()
    assert keys.verify(key["key"])["uses_left"] == 1
    again = Keys(back(lost))
    assert again.verify(key["key"])["uses_left"] == 0
    assert again.reason(key["key"]) == "used_up"


def test_a_suspended_tenant(lost, acme):
    for name in ("on", "off"):
        lost.vault.new_tenant(name)
    lost.vault.admin_call("tenant.suspend", tenant="on")
    lost.backup()
    lost.vault.admin_call("tenant.suspend", tenant="acme")
    lost.vault.admin_call("tenant.resume", tenant="on")
    again = lost.restored()
    with again.admin() as root:
        states = {item["tenant"]: item["state"] for item in root.pages("tenant.list", 100)}
    assert states == {"acme": "suspended", "on": "active", "off": "active"}


def test_grants_and_roles(lost, acme):
    with lost.vault.admin() as root:
        root.call("role.put", role="wide", methods=["key.*", "secret.get"])
        root.call("role.put", role="dead", methods=["key.get"])
        root.call("role.put", role="same", methods=["key.get"])
        grants = {
            uid: root.call("grant.put", principal=f"uid:{uid}", role=role, tenants=["*"])["grant"]
            for uid, role in ((20001, "wide"), (20002, "dead"), (20003, "same"))
        }
    lost.backup()
    with lost.vault.admin() as root:
        root.call("grant.delete", grant=grants[20002])
        root.call("role.delete", role="dead")
        root.call("role.put", role="wide", methods=["key.get", "key.list", "profile.get"])
    again = lost.restored()
    with again.admin() as root:
        principals = {g["principal"] for g in root.pages("grant.list", 100)}
        assert "uid:20002" not in principals and {"uid:20001", "uid:20003"} <= principals
        assert sorted(root.call("role.get", role="wide")["methods"]) == ["key.get", "key.list"]
        assert root.call("role.get", role="dead")["methods"] == []
        assert root.call("role.get", role="same")["methods"] == ["key.get"]


def test_one_time_codes(lost, acme):
    answer = lost.vault.admin_call("totp.enroll", principal="uid:0")
    secret, recovery = totp.secret_of(answer["uri"]), answer["recovery"]
    lost.backup()
    used = totp.code(secret, totp.step_now(20))
    with lost.vault.admin() as root:
        root.call("auth.totp", code=used)
        root.call("auth.totp", code=recovery[3])
    again = lost.restored()
    with again.admin() as root:
        assert root.error("auth.totp", code=used).code == "denied"
        assert root.error("auth.totp", code=recovery[3]).code == "denied"
        root.call("auth.totp", code=recovery[4])


def test_a_code_secret_that_was_replaced(lost, acme):
    old = lost.vault.admin_call("totp.enroll", principal="uid:0")
    lost.backup()
    lost.vault.admin_call("totp.enroll", principal="uid:0")
    again = lost.restored()
    with again.admin() as root:
        assert root.error("auth.totp", code=old["recovery"][0]).code == "denied"


def test_a_code_secret_that_was_taken_back(lost, acme):
    """A lost device must not be a second factor again."""
    old = lost.vault.admin_call("totp.enroll", principal="uid:0")
    other = lost.vault.admin_call("totp.enroll", principal="uid:4242")
    assert other["uri"]
    lost.backup()
    lost.vault.admin_call("totp.remove", principal="uid:0")
    again = lost.restored()
    with again.admin() as root:
        code = totp.code(totp.secret_of(old["uri"]), totp.step_now(20))
        assert root.error("auth.totp", code=code).code == "denied"
        assert root.error("auth.totp", code=old["recovery"][0]).code == "denied"
        assert [item["principal"] for item in root.pages("totp.list", 10)] == ["uid:4242"]


def test_what_was_made_after_the_backup_is_lost(lost, acme):
    lost.backup()
    young = lost.vault.new_tenant("young")
    young.key()
    young.call("key.revoke", name="k")
    again = lost.restored()
    again.new_tenant("next")
    with again.admin() as root:
        assert {t["tenant"] for t in root.pages("tenant.list", 100)} == {"acme", "next"}


def test_after_a_crash(lost, acme):
    token = acme.sign()
    lost.backup()
    acme.call("token.revoke", jti=token["jti"])
    lost.lose(crash=True)
    assert back(lost).reason(token["token"]) == "revoked"


def test_over_restarts_and_segments(lost, acme):
    token, other = acme.sign(), acme.sign()
    lost.backup()
    lost.vault.restart()
    acme = Tenant(lost.vault, "acme")
    acme.call("token.revoke", jti=token["jti"])
    lost.vault.kill()
    lost.vault.start_again()
    acme = Tenant(lost.vault, "acme")
    acme.call("token.revoke", jti=other["jti"])
    again = back(lost)
    assert again.reason(token["token"]) == "revoked"
    assert again.reason(other["token"]) == "revoked"


def test_a_restore_is_in_the_audit(lost, acme):
    begun = lost.backup()
    again = lost.restored()
    with again.admin() as root:
        (item,) = root.pages("audit.query", 100, method="restore")
    assert item["id"] == begun["backup"] and item["outcome"] == "ok" and "reason" not in item


def test_a_restored_store_is_backed_up_and_restored(lost, acme):
    token = acme.sign()
    lost.backup()
    acme.call("token.revoke", jti=token["jti"])
    first = lost.restored()
    second = Lost.__new__(Lost)
    second.__dict__.update(lost.__dict__, vault=first, file=first.root / "backup", again=None)
    second.backup()
    key = Keys(Tenant(first, "acme")).create("young")
    Tenant(first, "acme").call("apikey.revoke", id=key["id"])
    try:
        again = second.restored()
        assert Tenant(again, "acme").reason(token["token"]) == "revoked"
    finally:
        if second.again is not None:
            second.again.close()


def slots_of(vault):
    with vault.admin() as root:
        return sorted(item["slot"] for item in root.pages("slot.list", 100))


def test_slots_that_were_removed_or_replaced(lost, acme):
    for name in ("gone", "changed", "kept"):
        lost.vault.admin_call("slot.add", slot=name, keyfile=name.encode() * 10)
    lost.backup()
    lost.vault.admin_call("slot.remove", slot="gone")
    lost.vault.admin_call("slot.add", slot="changed", keyfile=b"another" * 10, replace=True)
    lost.vault.admin_call("slot.add", slot="young", keyfile=b"young" * 10)
    again = lost.restored()
    assert slots_of(again) == ["initial", "kept"]
    again.seal()
    for secret in (b"gone", b"changed"):
        with again.admin() as root:
            assert root.error("sys.unseal", keyfile=secret * 10).code == "denied"
    again.unseal(keyfile=b"kept" * 10)


def test_nothing_that_a_removed_slot_opens_is_left_in_the_file(lost, acme):
    """With the backup its secret gives the backup's root key; the restored store has another one."""
    lost.vault.admin_call("slot.add", slot="gone", keyfile=b"gone" * 10)
    lost.backup()
    lost.vault.stop()
    before = lmdb.meta(lmdb.file_of(lost.vault))
    lost.vault.start_again()
    lost.vault.admin_call("slot.remove", slot="gone")
    again = lost.restored()
    lmdb.stop_scrubbed(again)
    after, data = lmdb.meta(lmdb.file_of(again)), lmdb.file_of(again).read_bytes()
    for name in (b"slots", b"store_wraps"):
        assert not lmdb.left(before[name], after[name], data), name
    again.start_again()
    assert again.verify_audit()["first"] == 1
    with again.app() as app:
        assert app.call("key.list", tenant="acme")["items"] is not None


def test_nothing_was_done_again(lost, acme):
    """Then the root key is the backup's."""
    lost.backup()
    again = lost.restored()
    assert again.admin_call("sys.rekey") == {"generation": 2}


def test_the_last_slot_stays_and_is_told(lost, acme):
    """What comes behind its removal is not sealed to it: that is a gap for who has this slot alone."""
    lost.backup()
    lost.vault.admin_call("slot.add", slot="b", keyfile=b"b" * 40)
    lost.vault.admin_call("slot.remove", slot="initial")
    again = lost.restored("--accept-gap")
    assert slots_of(again) == ["initial"]
    assert "was removed after the backup" in lost.told
    assert "header does not authenticate" in lost.told
