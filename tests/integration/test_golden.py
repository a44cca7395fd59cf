"""Stores of every format that there ever was (tests/golden/*.tar.xz) open with this build and answer
what they held; a newer format is refused, and an older one that is killed while it is migrated is the
old one or the new one."""

import base64
import contextlib
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time

import pytest

from lib.vault import REPO, Tenant

sys.path.insert(0, str(REPO / "tests" / "golden"))
import make  # noqa: E402

GOLDEN = sorted((REPO / "tests" / "golden").glob("*.tar.xz"))


def put_golden(vault, path):
    """The golden store in the place of a vault's own; what is known of it."""
    with tarfile.open(path) as tar:
        facts = json.load(tar.extractfile("facts.json"))
        facts.setdefault("format", 1)
        for member in tar.getmembers():
            if member.name.startswith("state/"):
                target = vault.root / member.name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                target.write_bytes(tar.extractfile(member).read())
                target.chmod(0o600)
    return facts


@pytest.fixture(params=GOLDEN, ids=[p.name.removesuffix(".tar.xz") for p in GOLDEN])
def golden(new_vault, request):
    vault = new_vault(make.CONFIG)
    facts = put_golden(vault, request.param)
    vault.start()
    assert vault.unseal(**make.SECRETS[facts["secret"]]) == {"sealed": False}
    return vault, facts


def check_keys(acme, facts):
    for signed in facts["signatures"]:
        answer = acme.call(
            "key.verify",
            name=signed["name"],
            version=signed["version"],
            message=make.PAYLOAD,
            signature=base64.b64decode(signed["signature"]),
        )
        assert answer["valid"] is True, signed
    for signed in facts["tokens"]:
        answer = acme.verify(signed["token"], signed["profile"])
        assert answer["valid"] is True or answer["reason"] == "expired", signed
        again = acme.sign(signed["profile"], ttl=60)
        assert acme.verify(again["token"], signed["profile"])["valid"] is True
    for signed in facts["refused"]:
        assert acme.reason(signed["token"], signed["profile"]) in ("revoked", "expired"), signed
    answer = acme.call(
        "webhook.verify",
        key="hooks",
        headers=facts["webhook"],
        payload=make.PAYLOAD,
        tolerance=100 * make.YEAR,
    )
    assert answer["valid"] is True
    opened = acme.call(
        "crypto.decrypt",
        name="cipher",
        ciphertext=base64.b64decode(facts["ciphertext"]),
        context=b"column",
    )
    assert opened["plaintext"] == make.PAYLOAD


def check_apikeys(acme, facts):
    for key in facts["apikeys"]["good"]:
        assert acme.call("apikey.verify", key=key)["valid"] is True, key
    for key in facts["apikeys"]["bad"]:
        assert acme.call("apikey.verify", key=key)["valid"] is False, key


def check_secrets(acme, facts):
    for name, values in facts["secrets"].items():
        for version, value in enumerate(values, 1):
            got = acme.call("secret.get", name=name, version=version)
            assert got["value"] == value.encode(), (name, version)
    assert acme.error("secret.get", name="deleted").code == "not_found"
    assert acme.error("secret.get", name="destroyed").code == "not_found"


def check_store(vault, facts):
    with vault.admin() as admin:
        assert {"key.get", "token.sign"} <= set(admin.call("role.get", role="shop")["methods"])
        assert sorted(g["principal"] for g in admin.call("grant.list")["items"]) == facts["grants"]
        assert [t["principal"] for t in admin.call("totp.list")["items"]] == facts["totp"]
        states = {t["tenant"]: t["state"] for t in admin.call("tenant.list")["items"]}
        assert states == {"acme": "active", "sleeping": "suspended"}
        assert admin.call("audit.verify")["last"] > facts["audit_last"]
        methods = {r["method"] for r in admin.pages("audit.query", 1000, tenant="acme")}
    assert {"key.create", "token.sign", "apikey.create", "secret.put"} <= methods
    assert vault.status()["store_id"] == facts["store_id"]
    vault.verify_audit()


def check_all(vault, facts):
    acme = Tenant(vault, "acme")
    check_keys(acme, facts)
    check_apikeys(acme, facts)
    check_secrets(acme, facts)
    check_store(vault, facts)
    acme.close()


def test_a_golden_store_answers_what_it_held(golden):
    vault, facts = golden
    check_all(vault, facts)


def test_it_can_be_written_and_opened_again(golden):
    vault, facts = golden
    acme = Tenant(vault, "acme")
    uses = acme.call("token.uses", jti=facts["uses"]["jti"])
    assert uses == {k: facts["uses"][k] for k in ("used", "max")}
    acme.call("key.rotate", name="raw-hs256")
    acme.call("secret.put", name="db/password", value=b"three")
    acme.key("new", usage="raw")
    acme.close()
    vault.restart(unseal=False)
    vault.unseal(**make.SECRETS[facts["secret"]])
    check_all(vault, facts)
    acme = Tenant(vault, "acme")
    assert acme.call("secret.get", name="db/password")["value"] == b"three"
    acme.close()


# Each write and flush that an unseal makes, and the renames: what a crash can come between.
STEPS = "pwrite64,pwritev,write,fdatasync,fsync,msync,renameat,renameat2,rename,ftruncate"
OLDEST = next(p for p in GOLDEN if p.name == "format1-keyfile.tar.xz")
KILLS = 60  # there are fewer steps


def kill_at(vault, step):
    """Unseals with the process killed before its step-th write; whether there were so many."""
    log = vault.root / "strace"
    tracer = subprocess.Popen(
        ["strace", "-f", "-o", log, "-p", str(vault.pid)]
        + ["-e", f"trace={STEPS}", "-e", f"inject={STEPS}:signal=KILL:when={step}"],
        stderr=subprocess.PIPE,
        text=True,
    )
    while "attached" not in tracer.stderr.readline():
        assert tracer.poll() is None
    time.sleep(0.1)  # it attaches to one thread after the other
    try:
        with contextlib.suppress(EOFError, ConnectionResetError, BrokenPipeError):
            vault.unseal(**make.SECRETS["keyfile"])
        time.sleep(0.05)
        return not vault.alive() or vault.process.wait(2) is None
    except subprocess.TimeoutExpired:
        return False
    finally:
        tracer.terminate()
        tracer.wait(10)
        tracer.stderr.close()


def format_of(vault):
    """The format that meta holds, in the newer of LMDB's pages that tell it."""
    data = (vault.state / "store" / "data.mdb").read_bytes()
    return {data[m.end()] for m in re.finditer(rb"format(?=[\x01-\x08])", data)}


@pytest.mark.no_deadline
def test_a_migration_killed_at_any_step_is_old_or_new(new_vault):
    assert shutil.which("strace"), "strace is missing: tools/setup.sh test"
    killed = 0
    for step in range(1, KILLS):
        vault = new_vault(make.CONFIG)
        facts = put_golden(vault, OLDEST)
        vault.start()
        hit = kill_at(vault, step)
        if not hit:
            break
        killed += 1
        vault.process.wait(20)
        vault.start()
        assert vault.unseal(**make.SECRETS["keyfile"]) == {"sealed": False}
        check_all(vault, facts)
        vault.close()
    print(f"{killed} steps")
    assert 10 < killed < KILLS - 1, killed


def test_a_migrated_store_says_so(golden):
    vault, facts = golden
    assert 2 in format_of(vault)
    assert vault.check_store()["rows"] > 20
    with vault.admin() as admin:
        unseals = admin.call("audit.query", method="sys.unseal", limit=1)["items"]
    assert unseals[0]["outcome"] == "ok"
    vault.restart(unseal=False)
    assert vault.log().count("goes from format") == (facts["format"] == 1)


def test_a_newer_format_is_refused(golden):
    vault, _ = golden
    vault.stop()
    path = vault.state / "store" / "data.mdb"
    data = path.read_bytes()
    path.write_bytes(re.sub(rb"format[\x01-\x08]", b"format\x09", data))
    vault.spawn()
    assert vault.process.wait(20) == 2
    assert "newer format" in vault.log()
    path.write_bytes(data)
    vault.start()


def test_the_golden_stores_are_those_of_the_repository():
    """Nobody changes what was once given out."""
    sums = (REPO / "tests" / "golden" / "SHA256SUMS").read_text().split()
    assert dict(zip(sums[1::2], sums[::2])) == {
        p.name: hashlib.sha256(pathlib.Path(p).read_bytes()).hexdigest() for p in GOLDEN
    }
