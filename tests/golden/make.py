#!/usr/bin/python3
"""Makes the golden stores of the format that the build in VAULTD_BUILD writes:

    VAULTD_BUILD=$PWD/build tests/golden/make.py NAME

writes NAME-keyfile.tar.xz and NAME-passphrase.tar.xz beside this file, each with a state directory (the
anchor in it), backups of it of every kind, an export of its tenant, and facts.json: what a later build must
answer. The store has a row of every kind (test_golden.py looks), for which the daemon is killed while a
tenant is rekeyed and another is being imported. Golden stores are never changed once a build that wrote them
was given to anybody: a build with a new format adds its own, and test_golden.py opens all there are. After a
run:

    (cd tests/golden && sha256sum *.tar.xz > SHA256SUMS)
"""

import base64
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from lib import apikeys, backup, lmdb, totp  # noqa: E402
from lib.rich import wait_rekeyed  # noqa: E402
from lib.vault import BUILD, Tenant, Vault, VaultError  # noqa: E402

KEYFILE = hashlib.sha512(b"the golden stores' key file").digest()
PASSPHRASE = b"correct horse battery staple"
SECRETS = {"keyfile": {"keyfile": KEYFILE}, "passphrase": {"passphrase": PASSPHRASE}}
# A map that any machine has, and segments so small that there are several.
CONFIG = "map_size = 67108864\naudit_segment_size = 65536"
FORMAT = 2  # what the store's meta says
BACKUP = "golden.backup"
SPLIT, SAFE, EXPORT = "split.backup", "safe.backup", "acme.export"
IDENTITY = "identity"  # opens SAFE, and nothing else anywhere
FILES = (BACKUP, SPLIT, SPLIT + ".keys", SAFE, EXPORT, IDENTITY)
# Of rows that are there only while something is under way.
ROW_REKEY, ROW_IMPORT, ROW_SCRUB = 12, 13, 15
TRIES = 200  # to kill the daemon while all three are there
BULK = 200  # secrets of a tenant, so that its rekey takes a moment
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
    acme.import_hs(b"i" * 32, name="imported", usage="raw", kid="golden-kid")
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
    assert acme.verify(used["token"], "p-uses", consume=True, use="golden-use")["valid"]
    facts["uses"] = {"jti": used["jti"], **acme.call("token.uses", jti=used["jti"])}
    acme.profile("p-deleted", key="token-hs256")
    acme.call("profile.delete", name="p-deleted")


def make_apikeys(acme, facts):
    old = acme.call("apikey.create", name="before", scopes=["read"])
    apikeys.wait_until(int(time.time()) + 1)
    acme.call("apikey.revoke", created_before=int(time.time()))
    live = acme.call("apikey.create", name="gateway", scopes=["read"])
    primary = acme.call("apikey.create", name="primary", kind="primary", scopes=["admin"])
    revoked = acme.call("apikey.create", name="old", scopes=["read"])
    acme.call("apikey.revoke", id=revoked["id"])
    counted = acme.call("apikey.create", name="counted", scopes=["read"], uses=1000)
    assert acme.call("apikey.verify", key=counted["key"], use="golden-use")["valid"]
    text = "legacy_0123456789abcdef"
    acme.call("apikey.import", name="legacy", scopes=["read"], sha256=hashlib.sha256(text.encode()).digest())
    gone = acme.call("apikey.create", name="gone", scopes=[])
    acme.call("apikey.delete", id=gone["id"])
    wrong = apikeys.with_crc(live["key"][:20] + "0" * 43)
    for _ in range(5):
        assert not acme.call("apikey.verify", key=wrong, source="192.0.2.1")["valid"]
    facts["apikeys"] = {
        "good": [live["key"], primary["key"], counted["key"], text],
        "bad": [old["key"], revoked["key"], gone["key"]],
    }


def make_secrets(acme, facts):
    acme.call("secret.put", name="db/password", value=b"one", create=True)
    acme.call("secret.put", name="db/password", value=b"two", metadata={"host": "db"}, owner="ops@golden.example")
    acme.call("secret.policy", name="db/password", rotation_period=20 * YEAR, keep_versions=5)
    acme.call("secret.put", name="large", value=b"x" * 5000)
    acme.call("secret.put", name="large", value=b"y" * 5001)
    acme.call("secret.put", name="deleted", value=b"d")
    acme.call("secret.delete", name="deleted", versions=[1])
    acme.call("secret.put", name="destroyed", value=b"d")
    acme.call("secret.destroy", name="destroyed", versions=[1])
    facts["secrets"] = {
        "db/password": ["one", "two"],
        "large": ["x" * 5000, "y" * 5001],
    }


def make_policy(admin, facts):
    admin.call("role.put", role="shop", methods=["token.*", "key.get"])
    admin.call("grant.put", principal="uid:4242", role="shop", tenants=["acme"], names=["p-*"])
    admin.call("grant.put", principal="gid:4242", role="signer", tenants=["*"], mfa=True)
    uri = admin.call("totp.enroll", principal="uid:4242", label="golden")["uri"]
    facts["totp_secret"] = b64(totp.secret_of(uri))
    facts["roles"] = ["shop"]
    facts["grants"] = sorted(g["principal"] for g in admin.call("grant.list")["items"])
    facts["totp"] = [t["principal"] for t in admin.call("totp.list")["items"]]


def make_slots(vault, how, facts):
    """Slots of the two other kinds, and a root key that came later than the first records."""
    facts["other"] = next(other for other in SECRETS if other != how)
    with vault.admin() as admin:
        admin.call("slot.add", slot="other", **SECRETS[facts["other"]])
        facts["shares"] = admin.call("slot.add", slot="board", shares=3, threshold=2)["shares"]
        admin.call("sys.rekey")
        admin.call("audit.note", tenant="acme", kind="consent", text="golden")
    facts["note"] = "golden"


def make_tenants(vault, facts):
    """One that was rekeyed, one that sleeps, one that was erased."""
    with vault.admin() as admin:
        admin.call("tenant.create", tenant="sleeping")
        admin.call("tenant.suspend", tenant="sleeping")
        admin.call("tenant.create", tenant="erased")
        admin.call("key.create", tenant="erased", name="k", algorithm="HS256")
        facts["certificate"] = admin.call("tenant.erase", tenant="erased", confirm="erased")["certificate"]
        admin.call("key.create", tenant="little", name="k", algorithm="HS256")
        admin.call("tenant.rekey", tenant="little")
    wait_rekeyed(vault, "little")
    facts["tenants"] = {"acme": "active", "little": "active", "sleeping": "suspended"}
    facts["erased"] = "erased"


def export(admin):
    begun = admin.call("tenant.export", tenant="acme", passphrase=PASSPHRASE)["backup"]
    data = backup.read_all(admin, begun)
    admin.call("backup.end", backup=begun)
    return data


def make_backups(vault):
    with vault.admin() as admin:
        drilled = admin.call("backup.begin")["backup"]
        assert admin.call("backup.drill", backup=drilled)["ok"] is True
        admin.call("backup.end", backup=drilled)
        (vault.root / BACKUP).write_bytes(backup.create(admin)[1][0])
        for part, data in zip((SPLIT, SPLIT + ".keys"), backup.create(admin, split=True)[1]):
            (vault.root / part).write_bytes(data)
        (vault.root / SAFE).write_bytes(backup.create(admin, recipient="backup")[1][0])
        (vault.root / EXPORT).write_bytes(export(admin))


def begin_much(vault):
    """All that has rows of its own only while it is under way: acme's number is behind little's, so little's
    rekey ends, and wants freed pages overwritten, while acme's goes on."""
    with vault.admin() as admin:
        begun = admin.call("tenant.import", passphrase=PASSPHRASE)["import"]
        # The export's last piece is not brought.
        data = (vault.root / EXPORT).read_bytes()[:-1000]
        admin.call_map("import.write", {"import": begun, "offset": 0, "data": data})
        admin.call_many([("tenant.rekey", {"tenant": "acme"}), ("tenant.rekey", {"tenant": "little"})])


def kill_within(vault, how):
    """Kills it while rekeys and an import are under way."""
    for step in range(TRIES):
        begin_much(vault)
        time.sleep(step % 20 / 1000)
        vault.kill()
        if {(0, ROW_REKEY), (0, ROW_IMPORT), (0, ROW_SCRUB)} <= lmdb.kinds(vault.state / "store" / "data.mdb"):
            return
        vault.start()
        vault.unseal(**SECRETS[how])
        for name in ("acme", "little"):
            wait_rekeyed(vault, name)
    raise AssertionError("they are never under way")


def make(vault, how):
    facts = {"secret": how, "format": FORMAT}
    vault.start()
    facts["audit_key"] = vault.init(**SECRETS[how])["audit_key"]
    facts["store_id"] = vault.status()["store_id"]
    vault.new_tenant("little").close()
    acme = vault.new_tenant("acme")
    make_keys(acme, facts)
    make_tokens(acme, facts)
    make_apikeys(acme, facts)
    make_slots(vault, how, facts)
    # Which also writes when API keys were last used.
    vault.restart(unseal=False)
    vault.unseal(**SECRETS[how])
    acme = Tenant(vault, "acme")
    make_secrets(acme, facts)
    with vault.admin() as admin:
        make_policy(admin, facts)
        assert admin.error("key.get", tenant="acme", name="nobody").code == "not_found"
    make_tenants(vault, facts)
    make_backups(vault)
    with vault.admin() as admin:
        facts["audit_last"] = admin.call("audit.verify")["last"]
    acme.call("key.create", name="with-request-id", algorithm="HS256", usage="raw", request_id="golden-1")
    for n in range(BULK):
        acme.call("secret.put", name=f"bulk/{n}", value=b"x")
    # The last segment is one that was left by a crash, others were stopped in order.
    kill_within(vault, how)
    return facts


def make_identity():
    """What opens SAFE, and the line of the configuration that names it."""
    path = HERE / IDENTITY
    done = subprocess.run(
        [BUILD / "vaultctl", "backup", "identity", path], capture_output=True, text=True, check=True
    )
    identity = path.read_bytes()
    path.unlink()
    return identity, done.stdout


def nobodys(info):
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def pack(vault, facts, path):
    with tarfile.open(path, "w:xz") as tar:
        data = json.dumps(facts, indent=1).encode()
        info = tarfile.TarInfo("facts.json")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
        for name in FILES:
            tar.add(vault.root / name, name, filter=nobodys)
        for file in sorted(vault.state.rglob("*")):
            if file.is_dir() or file.name in ("lock", "lock.mdb"):
                continue
            info = tarfile.TarInfo(str("state" / file.relative_to(vault.state)))
            info.size, info.mode = file.stat().st_size, 0o600
            with open(file, "rb") as data:
                tar.addfile(info, data)


def main(name):
    for how in SECRETS:
        identity, recipient = make_identity()
        vault = Vault(f"{CONFIG}\n{recipient}")
        (vault.root / IDENTITY).write_bytes(identity)
        try:
            pack(vault, make(vault, how), HERE / f"{name}-{how}.tar.xz")
        except VaultError:
            print(vault.log())
            raise
        finally:
            vault.close()


if __name__ == "__main__":
    main(sys.argv[1])
