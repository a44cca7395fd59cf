#!/usr/bin/python3
"""Makes the golden stores of the format that the build in VAULTD_BUILD writes:

    VAULTD_BUILD=$PWD/build tests/golden/make.py NAME

writes NAME-keyfile.tar.xz and NAME-passphrase.tar.xz beside this file, each with a state
directory (and, where the build keeps it there, the anchor in it) and facts.json: what a later build
must answer. Golden stores are never changed once a build that wrote them was given to anybody: a
build with a new format adds its own, and test_golden.py opens all there are. After a run:

    (cd tests/golden && sha256sum *.tar.xz > SHA256SUMS)
"""

import base64
import hashlib
import io
import json
import pathlib
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from lib.vault import Tenant, Vault, VaultError  # noqa: E402

KEYFILE = hashlib.sha512(b"the golden stores' key file").digest()
PASSPHRASE = b"correct horse battery staple"
SECRETS = {"keyfile": {"keyfile": KEYFILE}, "passphrase": {"passphrase": PASSPHRASE}}
# A map that any machine has, and segments so small that there are several.
CONFIG = "map_size = 67108864\naudit_segment_size = 65536"
FORMAT = 2  # what the store's meta says
YEAR = 365 * 24 * 3600
SIGNING = ("HS256", "HS512", "EdDSA", "ES256", "RS256")
PAYLOAD = b'{"event": "golden"}'


def b64(data):
    return base64.b64encode(data).decode()


def make_keys(acme, facts):
    facts["signatures"], facts["tokens"], facts["refused"] = [], [], []
    for algorithm in SIGNING:
        name = algorithm.lower()
        acme.key(f"raw-{name}", algorithm=algorithm, usage="raw")
        for version in (1, 2):
            signed = acme.call("key.sign", name=f"raw-{name}", message=PAYLOAD)
            facts["signatures"].append(
                {"name": f"raw-{name}", "version": signed["version"], "signature": b64(signed["signature"])}
            )
            if version == 1:
                acme.call("key.rotate", name=f"raw-{name}")
        acme.key(f"token-{name}", algorithm=algorithm)
        acme.profile(f"profile-{name}", key=f"token-{name}", max_ttl=YEAR, issuer="https://golden.example",
                     claims=["course"])
        token = acme.sign(f"profile-{name}", ttl=YEAR, claims={"course": algorithm})
        facts["tokens"].append({"profile": f"profile-{name}", "token": token["token"]})
    acme.import_hs(b"i" * 32, name="imported", usage="raw")
    acme.key("scheduled", rotation_period=20 * YEAR, usage="raw")
    acme.key("gone", usage="raw")
    acme.call("key.revoke", name="gone")
    acme.call("key.delete", name="gone", delay=0)
    acme.key("hooks", usage="webhook")
    headers = acme.call("webhook.sign", key="hooks", id="msg_1", payload=PAYLOAD)["headers"]
    facts["webhook"] = {k: v.decode() if isinstance(v, bytes) else v for k, v in headers.items()}
    acme.key("cipher", algorithm="XC20P", usage="encrypt")
    sealed = acme.call("crypto.encrypt", name="cipher", plaintext=PAYLOAD, context=b"column")
    facts["ciphertext"] = b64(sealed["ciphertext"])


def make_tokens(acme, facts):
    """What is refused, each for a reason of its own, and a token with one use left."""
    for name, fields in (("jti", {}), ("subject", {"subject": "gone-42"}), ("profile", {})):
        profile = "p-revoked" if name == "profile" else "profile-hs256"
        if name == "profile":
            acme.profile(profile, key="token-hs256", max_ttl=YEAR)
        token = acme.sign(profile, ttl=YEAR, **fields)
        what = {"jti": {"jti": token["jti"]}, "subject": fields, "profile": {"profile": profile}}
        acme.call("token.revoke", **what[name])
        facts["refused"].append({"profile": profile, "token": token["token"]})
    acme.profile("p-uses", key="token-hs256", max_ttl=YEAR)
    used = acme.sign("p-uses", ttl=YEAR, max_uses=3)
    assert acme.verify(used["token"], "p-uses", consume=True)["valid"]
    facts["uses"] = {"jti": used["jti"], **acme.call("token.uses", jti=used["jti"])}
    acme.profile("p-deleted", key="token-hs256")
    acme.call("profile.delete", name="p-deleted")


def make_apikeys(acme, facts):
    live = acme.call("apikey.create", name="gateway", scopes=["read"])
    revoked = acme.call("apikey.create", name="old", scopes=["read"])
    acme.call("apikey.revoke", id=revoked["id"])
    counted = acme.call("apikey.create", name="counted", scopes=["read"], uses=5)
    assert acme.call("apikey.verify", key=counted["key"])["valid"]
    text = "legacy_0123456789abcdef"
    acme.call("apikey.import", name="legacy", scopes=["read"], sha256=hashlib.sha256(text.encode()).digest())
    gone = acme.call("apikey.create", name="gone", scopes=[])
    acme.call("apikey.delete", id=gone["id"])
    facts["apikeys"] = {"good": [live["key"], counted["key"], text], "bad": [revoked["key"], gone["key"]]}


def make_secrets(acme, facts):
    acme.call("secret.put", name="db/password", value=b"one", create=True)
    acme.call("secret.put", name="db/password", value=b"two", metadata={"host": "db"}, owner="ops@golden.example")
    acme.call("secret.policy", name="db/password", rotation_period=20 * YEAR, keep_versions=5)
    acme.call("secret.put", name="large", value=b"x" * 20000)
    acme.call("secret.put", name="large", value=b"y" * 20001)
    acme.call("secret.put", name="deleted", value=b"d")
    acme.call("secret.delete", name="deleted", versions=[1])
    acme.call("secret.put", name="destroyed", value=b"d")
    acme.call("secret.destroy", name="destroyed", versions=[1])
    facts["secrets"] = {
        "db/password": ["one", "two"],
        "large": ["x" * 20000, "y" * 20001],
    }


def make_policy(admin, facts):
    admin.call("role.put", role="shop", methods=["token.*", "key.get"])
    admin.call("grant.put", principal="uid:4242", role="shop", tenants=["acme"], names=["p-*"])
    admin.call("grant.put", principal="gid:4242", role="signer", tenants=["*"], mfa=True)
    admin.call("totp.enroll", principal="uid:4242", label="golden")
    facts["roles"] = ["shop"]
    facts["grants"] = sorted(g["principal"] for g in admin.call("grant.list")["items"])
    facts["totp"] = [t["principal"] for t in admin.call("totp.list")["items"]]


def make(vault, how):
    facts = {"secret": how, "format": FORMAT}
    vault.start()
    facts["audit_key"] = vault.init(**SECRETS[how])["audit_key"]
    facts["store_id"] = vault.status()["store_id"]
    acme = vault.new_tenant("acme")
    make_keys(acme, facts)
    make_tokens(acme, facts)
    vault.restart(unseal=False)
    vault.unseal(**SECRETS[how])
    acme = Tenant(vault, "acme")
    make_apikeys(acme, facts)
    make_secrets(acme, facts)
    with vault.admin() as admin:
        make_policy(admin, facts)
        admin.call("tenant.create", tenant="sleeping")
        admin.call("tenant.suspend", tenant="sleeping")
        assert admin.error("key.get", tenant="acme", name="nobody").code == "not_found"
        facts["audit_last"] = admin.call("audit.verify")["last"]
    acme.call("key.create", name="with-request-id", algorithm="HS256", usage="raw", request_id="golden-1")
    # One segment that was left by a crash, and one that was stopped in order.
    vault.kill()
    vault.start()
    vault.unseal(**SECRETS[how])
    vault.stop()
    return facts


def pack(vault, facts, path):
    with tarfile.open(path, "w:xz") as tar:
        data = json.dumps(facts, indent=1).encode()
        info = tarfile.TarInfo("facts.json")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
        for file in sorted(vault.state.rglob("*")):
            if file.is_dir() or file.name in ("lock", "lock.mdb"):
                continue
            info = tarfile.TarInfo(str("state" / file.relative_to(vault.state)))
            info.size, info.mode = file.stat().st_size, 0o600
            with open(file, "rb") as data:
                tar.addfile(info, data)


def main(name):
    for how in SECRETS:
        vault = Vault(CONFIG)
        try:
            pack(vault, make(vault, how), HERE / f"{name}-{how}.tar.xz")
        except VaultError:
            print(vault.log())
            raise
        finally:
            vault.close()


if __name__ == "__main__":
    main(sys.argv[1])
