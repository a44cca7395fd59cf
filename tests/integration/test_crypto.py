"""Encryption as a service: what opens, what does not, and what is never shown."""

import struct

import pytest

from lib import memory, other

# From the contract: the frame's limit less room for names and a context.
PLAINTEXT_MAX = 1048576 - 8192
OVERHEAD = 1 + 4 + 24 + 16
KEY = bytes(range(7, 39))


@pytest.fixture
def box(tenant):
    tenant.key("k", "XC20P")
    return tenant


def encrypt(tenant, plaintext=b"plain", **fields):
    fields.setdefault("name", "k")
    return tenant.call("crypto.encrypt", plaintext=plaintext, **fields)["ciphertext"]


def decrypt(tenant, ciphertext, **fields):
    fields.setdefault("name", "k")
    return tenant.call("crypto.decrypt", ciphertext=ciphertext, **fields)["plaintext"]


def refused(tenant, ciphertext, method="crypto.decrypt", **fields):
    fields.setdefault("name", "k")
    return tenant.error(method, ciphertext=ciphertext, **fields).code


# Keys.


def test_the_key(tenant):
    made = tenant.key("k", "XC20P")
    assert made == {"name": "k", "algorithm": "XC20P", "usage": "encrypt", "version": 1}
    assert tenant.key("k2", "XC20P", usage="encrypt")["usage"] == "encrypt"
    got = tenant.call("key.get", name="k")
    assert (got["usage"], got["publish_ahead"], got["current"]) == ("encrypt", 0, 1)


@pytest.mark.parametrize("usage", ["token", "webhook", "raw"])
def test_an_encryption_key_is_for_nothing_else(tenant, usage):
    for method, more in (("key.create", {}), ("key.import", {"key": KEY})):
        error = tenant.error(method, name="k", algorithm="XC20P", usage=usage, **more)
        assert (error.code, error.field) == ("invalid_params", "usage")
    for algorithm in ("HS256", "HS512", "EdDSA"):
        error = tenant.error("key.import", name="k", algorithm=algorithm, usage="encrypt", key=KEY)
        assert (error.code, error.field) == ("invalid_params", "usage")


def test_a_key_of_usage_encrypt_never_signs(box):
    assert box.error("key.sign", name="k", message=b"m").code == "conflict"
    assert box.error("key.verify", name="k", message=b"m", signature=b"s").code == "conflict"
    assert box.error("profile.put", name="p", key="k").code == "conflict"
    assert box.error("webhook.sign", key="k", payload=b"p").code == "conflict"
    assert box.error("webhook.verify", key="k", payload=b"p", headers={}).code == "conflict"
    assert box.error("key.public", name="k").code == "conflict"
    assert box.call("key.public")["jwks"] == '{"keys":[]}'


@pytest.mark.parametrize("usage", ["token", "webhook", "raw"])
@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_keys_of_another_usage_do_not_encrypt(tenant, algorithm, usage):
    tenant.key("k", algorithm, usage=usage)
    for method, fields in (
        ("crypto.encrypt", {"plaintext": b"p"}),
        ("crypto.decrypt", {"ciphertext": b"c" * 60}),
        ("crypto.rewrap", {"ciphertext": b"c" * 60}),
        ("crypto.datakey", {}),
    ):
        assert tenant.error(method, name="k", **fields).code == "conflict", method


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_the_size_of_an_imported_key(tenant, size):
    error = tenant.error("key.import", name="k", algorithm="XC20P", key=b"k" * size)
    assert (error.code, error.field) == ("invalid_params", "key")


def test_other_material_is_not_for_encryption(tenant):
    secret = "whsec_" + "a" * 44
    error = tenant.error("key.import", name="k", algorithm="XC20P", secret=secret)
    assert (error.code, error.field) == ("invalid_params", "secret")
    error = tenant.error("key.import", name="k", algorithm="XC20P", public="{}")
    assert (error.code, error.field) == ("invalid_params", "public")
    assert tenant.error("key.create", name="k", algorithm="XC20P", shared=True).field == "shared"


def test_no_such_key(tenant):
    for method, fields in (
        ("crypto.encrypt", {"plaintext": b"p"}),
        ("crypto.decrypt", {"ciphertext": b"c"}),
        ("crypto.rewrap", {"ciphertext": b"c"}),
        ("crypto.datakey", {}),
    ):
        error = tenant.error(method, name="none", **fields)
        assert (error.code, error.field) == ("not_found", "name")


# Round trips.


@pytest.mark.parametrize("context", [None, b"", b"users.email/42", bytes(range(256)), b"c" * 4096])
def test_round_trip(box, context):
    fields = {} if context is None else {"context": context}
    for plaintext in (b"", b"x", bytes(range(256)) * 40):
        made = box.call("crypto.encrypt", name="k", plaintext=plaintext, **fields)
        assert made["version"] == 1
        sealed = made["ciphertext"]
        assert len(sealed) == len(plaintext) + OVERHEAD
        assert sealed[:5] == b"\x01" + struct.pack(">I", 1)
        assert plaintext == b"" or len(plaintext) < 8 or plaintext not in sealed
        answer = box.call("crypto.decrypt", name="k", ciphertext=sealed, **fields)
        assert answer == {"plaintext": plaintext, "version": 1}


def test_the_same_plaintext_is_never_the_same_ciphertext(box):
    made = {encrypt(box) for _ in range(200)}
    assert len({c[5:29] for c in made}) == 200


def test_the_form_is_what_is_documented(tenant):
    """With an imported key a stranger opens what he is told the associated data of, and no other
    key's; the key's id is not told, so all that can be checked here is that it counts."""
    tenant.call("key.import", name="k", algorithm="XC20P", key=KEY)
    tenant.call("key.import", name="k2", algorithm="XC20P", key=KEY)
    sealed = encrypt(tenant)
    assert decrypt(tenant, sealed) == b"plain"
    assert refused(tenant, sealed, name="k2") == "integrity"


def test_text_counts_as_bytes(box):
    assert decrypt(box, encrypt(box, "héllo", context="ctx"), context=b"ctx") == "héllo".encode()


def test_no_context_is_an_empty_one(box):
    assert decrypt(box, encrypt(box, context=b"")) == b"plain"
    assert decrypt(box, encrypt(box), context=b"") == b"plain"


# What does not open.


@pytest.mark.parametrize("method", ["crypto.decrypt", "crypto.rewrap"])
def test_every_byte_flipped(box, method):
    sealed = encrypt(box, b"sixteen bytes...", context=b"ctx")
    calls = []
    for at in range(len(sealed)):
        for flip in (0x01, 0x80, 0xFF):
            bad = bytearray(sealed)
            bad[at] ^= flip
            calls.append((method, box.fields(name="k", ciphertext=bytes(bad), context=b"ctx")))
    for _, fields in calls:
        error = box.conn.error_map(method, fields)
        assert (error.code, error.field) == ("integrity", "ciphertext")


def test_every_length(box):
    sealed = encrypt(box, b"sixteen bytes...")
    for n in range(len(sealed)):
        assert refused(box, sealed[:n]) == "integrity", n
    assert refused(box, sealed + b"\0") == "integrity"
    assert refused(box, sealed + sealed) == "integrity"
    assert refused(box, b"\0" * 100000) == "integrity"


def test_another_context(box):
    sealed = encrypt(box, context=b"users/1")
    for context in (b"users/2", b"users/", b"users/1\0", b"Users/1", b"", b"users/11"):
        assert refused(box, sealed, context=context) == "integrity"
        assert refused(box, sealed, "crypto.rewrap", context=context) == "integrity"
    assert refused(box, sealed) == "integrity"


def test_another_key_of_the_tenant(box):
    box.key("k2", "XC20P")
    assert refused(box, encrypt(box), name="k2") == "integrity"


def test_another_tenants_key(new_tenant):
    """Also where both have the same name and the same imported material."""
    one, two = new_tenant(), new_tenant()
    for t in (one, two):
        t.call("key.import", name="k", algorithm="XC20P", key=KEY)
    sealed = encrypt(one)
    assert decrypt(one, sealed) == b"plain"
    assert refused(two, sealed) == "integrity"
    assert refused(two, sealed, "crypto.rewrap") == "integrity"


def test_another_version(box):
    old = encrypt(box)
    box.call("key.rotate", name="k")
    moved = old[:1] + struct.pack(">I", 2) + old[5:]
    assert refused(box, moved) == "integrity"
    for version in (0, 3, 255, 2**31, 2**32 - 1):
        assert refused(box, old[:1] + struct.pack(">I", version) + old[5:]) == "integrity"


def test_parts_of_two_ciphertexts(box):
    one, two = encrypt(box, b"1" * 32), encrypt(box, b"2" * 32)
    for cut in (29, 40, len(one) - 16):
        assert refused(box, one[:cut] + two[cut:]) == "integrity"


# Rotation.


def test_old_versions_decrypt_until_revoked(box):
    made = []
    for version in range(1, 5):
        sealed = box.call("crypto.encrypt", name="k", plaintext=b"%d" % version)
        assert sealed["version"] == version
        made.append(sealed["ciphertext"])
        box.call("key.rotate", name="k")
    for version, sealed in enumerate(made, 1):
        answer = box.call("crypto.decrypt", name="k", ciphertext=sealed)
        assert answer == {"plaintext": b"%d" % version, "version": version}
    box.call("key.revoke", name="k", version=2)
    for method in ("crypto.decrypt", "crypto.rewrap"):
        error = box.error(method, name="k", ciphertext=made[1])
        assert (error.code, error.field) == ("conflict", "ciphertext")
    assert decrypt(box, made[0]) == b"1"


def test_a_revoked_key_neither_encrypts_nor_decrypts(box):
    sealed = encrypt(box)
    box.call("key.revoke", name="k")
    assert box.error("crypto.encrypt", name="k", plaintext=b"p").code == "conflict"
    assert box.error("crypto.datakey", name="k").code == "conflict"
    assert refused(box, sealed) == "conflict"
    box.call("key.rotate", name="k")
    assert refused(box, sealed) == "conflict"
    assert decrypt(box, encrypt(box)) == b"plain"


def test_hundreds_of_versions(box):
    first = encrypt(box)
    calls = [("key.rotate", box.fields(name="k"))] * 150
    box.conn.call_many(calls)
    assert decrypt(box, first) == b"plain"
    again = box.call("crypto.rewrap", name="k", ciphertext=first)
    assert again["version"] == 151 and decrypt(box, again["ciphertext"]) == b"plain"


def test_rewrap(box):
    old = encrypt(box, b"secret text", context=b"ctx")
    box.call("key.rotate", name="k")
    again = box.call("crypto.rewrap", name="k", ciphertext=old, context=b"ctx")
    assert set(again) == {"ciphertext", "version"} and again["version"] == 2
    assert again["ciphertext"][:5] == b"\x01" + struct.pack(">I", 2)
    assert len(again["ciphertext"]) == len(old) and again["ciphertext"][5:29] != old[5:29]
    for sealed in (old, again["ciphertext"]):
        assert decrypt(box, sealed, context=b"ctx") == b"secret text"
    same = box.call("crypto.rewrap", name="k", ciphertext=again["ciphertext"], context=b"ctx")
    assert same["version"] == 2 and same["ciphertext"] != again["ciphertext"]
    box.call("key.revoke", name="k", version=1)
    assert refused(box, old, context=b"ctx") == "conflict"
    assert decrypt(box, again["ciphertext"], context=b"ctx") == b"secret text"


def test_an_import_adds_a_version(tenant):
    tenant.call("key.import", name="k", algorithm="XC20P", key=KEY)
    old = encrypt(tenant)
    again = tenant.call("key.import", name="k", algorithm="XC20P", key=KEY[::-1])
    assert again["version"] == 2
    assert decrypt(tenant, old) == b"plain" and encrypt(tenant)[4] == 2
    error = tenant.error("key.import", name="k", algorithm="XC20P", key=KEY, usage="raw")
    assert (error.code, error.field) == ("conflict", "usage")


def test_after_a_restart(vault):
    with_vault = vault.new_tenant("acme")
    with_vault.key("k", "XC20P")
    sealed = encrypt(with_vault)
    with_vault.call("key.rotate", name="k")
    with_vault.close()
    vault.restart()
    conn = vault.app()
    assert conn.call("crypto.decrypt", tenant="acme", name="k", ciphertext=sealed) == {
        "plaintext": b"plain",
        "version": 1,
    }
    conn.close()


# Data keys.


@pytest.mark.parametrize("size", [None, 16, 17, 32, 64])
def test_data_keys(box, size):
    fields = {} if size is None else {"bytes": size}
    made = box.call("crypto.datakey", name="k", context=b"ctx", **fields)
    assert set(made) == {"plaintext", "ciphertext", "version"}
    assert len(made["plaintext"]) == (size or 32) and made["version"] == 1
    assert decrypt(box, made["ciphertext"], context=b"ctx") == made["plaintext"]
    assert refused(box, made["ciphertext"]) == "integrity"
    assert box.call("crypto.datakey", name="k")["plaintext"] != made["plaintext"]


@pytest.mark.parametrize("size", [-1, 0, 15, 65, 2**40, "32"])
def test_the_bounds_of_data_keys(box, size):
    error = box.error("crypto.datakey", name="k", bytes=size)
    assert (error.code, error.field) == ("invalid_params", "bytes")


# Limits.


@pytest.mark.parametrize("context", [b"", b"c" * 4096])
def test_the_longest_plaintext(new_tenant, context):
    """With the longest names it still comes back, as a request and as a reply."""
    tenant, name = new_tenant(), "n" * 128
    tenant.key(name, "XC20P")
    more = {"name": name, "context": context, "actor": "a" * 128}
    for size in (PLAINTEXT_MAX - 1, PLAINTEXT_MAX):
        plaintext = b"p" * size
        sealed = encrypt(tenant, plaintext, **more)
        again = tenant.call("crypto.rewrap", ciphertext=sealed, **more)["ciphertext"]
        assert decrypt(tenant, again, **more) == plaintext
    error = tenant.error("crypto.encrypt", plaintext=b"p" * (PLAINTEXT_MAX + 1), **more)
    assert (error.code, error.field) == ("invalid_params", "plaintext")
    error = tenant.error("crypto.decrypt", ciphertext=sealed + b"x", **more)
    assert (error.code, error.field) == ("invalid_params", "ciphertext")


def test_the_longest_context(box):
    for method, fields in (
        ("crypto.encrypt", {"plaintext": b"p"}),
        ("crypto.decrypt", {"ciphertext": b"c"}),
        ("crypto.rewrap", {"ciphertext": b"c"}),
        ("crypto.datakey", {}),
    ):
        error = box.error(method, name="k", context=b"c" * 4097, **fields)
        assert (error.code, error.field) == ("invalid_params", "context")


# Who, and what is left behind.


def test_two_principals(new_vault):
    """One that may only encrypt cannot read what it wrote; one that may do all of crypto.* can, on
    its tenant and names."""
    vault = new_vault('app_group = "users"').start()
    vault.init()
    for tenant in ("acme", "beta"):
        t = vault.new_tenant(tenant)
        for name in ("users/email", "audit"):
            t.key(name, "XC20P")
        t.close()
    vault.admin_call("role.put", role="depositor", methods=["crypto.encrypt"])
    for uid, role in ((20001, "depositor"), (20002, "crypto")):
        vault.admin_call(
            "grant.put", principal=f"uid:{uid}", role=role, tenants=["acme"], names=["users/*"]
        )

    def ask(uid, method, tenant="acme", name="users/email", **fields):
        fields.update(tenant=tenant, name=name)
        (reply,) = other.call_as(uid, 100, vault.app_path, [(method, fields)])
        return reply["error"]["code"] if reply["error"] else reply["result"]

    sealed = ask(20001, "crypto.encrypt", plaintext=b"p")["ciphertext"]
    assert ask(20001, "crypto.decrypt", ciphertext=sealed) == "denied"
    assert ask(20001, "crypto.rewrap", ciphertext=sealed) == "denied"
    assert ask(20001, "crypto.datakey") == "denied"
    assert ask(20002, "crypto.decrypt", ciphertext=sealed)["plaintext"] == "hex:" + b"p".hex()
    for where in ({"tenant": "beta"}, {"name": "audit"}, {"tenant": "none"}):
        assert ask(20002, "crypto.decrypt", ciphertext=sealed, **where) == "denied"
        assert ask(20001, "crypto.encrypt", plaintext=b"p", **where) == "denied"
    assert ask(20003, "crypto.decrypt", ciphertext=sealed) == "denied"


def test_the_audit_tells_who_decrypted_and_not_what(box):
    sealed = encrypt(box, b"the-plaintext", context=b"the-context")
    decrypt(box, sealed, context=b"the-context")
    refused(box, sealed)
    records = [r for r in box.records() if r["method"].startswith("crypto.")]
    assert [
        (r["method"], r["name"], r.get("version"), r.get("code"), r["outcome"]) for r in records
    ] == [
        ("crypto.encrypt", "k", 1, None, "ok"),
        ("crypto.decrypt", "k", 1, None, "ok"),
        ("crypto.decrypt", "k", None, "integrity", "error"),
    ]
    assert "the-" not in str(records)


def test_nothing_is_left_in_memory(vault):
    """Neither plaintext nor data key, whichever way they went; nor what was only rewrapped."""
    tenant = vault.new_tenant("acme")
    tenant.key("k", "XC20P")
    needle = b"PLAINTEXT-that-must-not-stay-%d-"
    for size in (1, 3000):
        plaintext = needle % size * size
        sealed = encrypt(tenant, plaintext)
        again = tenant.call("crypto.rewrap", name="k", ciphertext=sealed)["ciphertext"]
        assert decrypt(tenant, again) == plaintext
    data_key = tenant.call("crypto.datakey", name="k", bytes=64)["plaintext"]
    tenant.close()
    assert memory.find(vault.pid, [needle % 1, needle % 3000, data_key]) == []
