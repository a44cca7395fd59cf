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

from lib import backup, lmdb
from lib.vault import BUILD, REPO, Tenant, Vault

sys.path.insert(0, str(REPO / "tests" / "golden"))
import make  # noqa: E402

GOLDEN = sorted((REPO / "tests" / "golden").glob("*.tar.xz"))


def put_golden(vault, path):
    """The golden store in the place of a vault's own; what is known of it."""
    with tarfile.open(path) as tar:
        facts = json.load(tar.extractfile("facts.json"))
        facts.setdefault("format", 1)
        for member in tar.getmembers():
            if member.name.startswith(("state/", *make.FILES)):
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


def check_signatures(acme, facts):
    for signed in facts["signatures"]:
        answer = acme.call(
            "key.verify",
            name=signed["name"],
            version=signed["version"],
            message=make.PAYLOAD,
            signature=base64.b64decode(signed["signature"]),
        )
        assert answer["valid"] is True, signed


def check_keys(acme, facts):
    check_signatures(acme, facts)
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
        assert states == facts.get("tenants", {"acme": "active", "sleeping": "suspended"})
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


def give_shares(vault, facts):
    first, _, third = facts["shares"]
    assert vault.unseal(share=third) == {"sealed": True, "needed": 1}
    return vault.unseal(share=first, slot="board")


@pytest.mark.parametrize("slot", ["other", "shares"])
def test_its_other_slots_open_it_too(golden, slot):
    vault, facts = golden
    if slot not in facts:
        return  # of a build that knew one slot only
    vault.seal()
    if slot == "other":
        opened = vault.unseal(**make.SECRETS[facts["other"]])
    else:
        opened = give_shares(vault, facts)
    assert opened == {"sealed": False}
    check_all(vault, facts)
    notes = vault.admin_call("audit.query", tenant="acme", method="audit.note")["items"]
    assert [n["text"] for n in notes] == [facts["note"]]


def of_this_format(golden):
    """None where it is of a build that made no backups."""
    vault, facts = golden
    if facts["format"] == 1:
        assert not (vault.root / make.BACKUP).exists()
        return None
    return vault, facts


def test_its_backup_is_good(golden):
    """With each of its slots' secrets."""
    if of_this_format(golden) is None:
        return
    vault, _ = golden
    path = vault.root / make.BACKUP
    backup.parse(path.read_bytes())
    for how, secret in make.SECRETS.items():
        file = vault.root / how
        file.write_bytes(secret[how])
        option = f"@{file}" if how == "passphrase" else str(file)
        done = subprocess.run(
            [BUILD / "vaultctl", "backup", "verify", path, f"--{how}", option],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def share_options(vault, facts):
    options = []
    for n in (0, 2):
        file = backup.secret_file(vault.root, facts["shares"][n].encode() + b"\n", f"share{n}")
        options += ["--share-file", file]
    return options


def wish_of(vault, facts, how):
    """What opens each of its backups: (file, options)."""
    keyfile = backup.secret_file(vault.root, make.KEYFILE)
    words = backup.secret_file(vault.root, make.PASSPHRASE + b"\n", "words")
    return {
        "keyfile": (make.BACKUP, ["--keyfile", keyfile]),
        "passphrase": (make.BACKUP, ["--passphrase-file", words]),
        "shares": (make.BACKUP, share_options(vault, facts)),
        "split": (make.SPLIT, ["--keyfile", keyfile]),
        "recipient": (make.SAFE, ["--identity", vault.root / make.IDENTITY]),
    }[how]


def start_on(root, state, config=make.CONFIG):
    """A vault on a directory that a restore made."""
    made = Vault(config)
    shutil.rmtree(made.state)
    shutil.copytree(state, made.state)
    return made.start()


@pytest.mark.parametrize("how", ["keyfile", "passphrase", "shares", "split", "recipient"])
@pytest.mark.parametrize("audit", [True, False], ids=["with-audit", "alone"])
def test_its_backups_restore(golden, how, audit):
    """To what it was at the backup, where tokens and API keys are refused that may have been revoked since; or
    with its audit to what it was at the end."""
    if of_this_format(golden) is None:
        return
    vault, facts = golden
    vault.stop()
    file, options = wish_of(vault, facts, how)
    more = ["--audit", vault.state / "audit"] if audit else ["--accept-gap"]
    into = backup.new_directory(vault.root, "into")
    backup.restore(vault.root / file, into, *more, *options, check=0)
    again = start_on(vault.root, into)
    try:
        assert again.unseal(**make.SECRETS[facts["secret"]]) == {"sealed": False}
        acme = Tenant(again, "acme")
        check_signatures(acme, facts)
        check_secrets(acme, facts)
        if audit:
            check_keys(acme, facts)
            check_apikeys(acme, facts)
        names = {t["tenant"] for t in again.admin_call("tenant.list")["items"]}
        assert names == set(facts["tenants"])
        again.verify_audit()
        acme.close()
    finally:
        again.close()


def test_its_tenant_can_be_imported(golden, vault):
    """By another vault, of this build."""
    if of_this_format(golden) is None:
        return
    old, facts = golden
    with vault.admin() as admin:
        begun = admin.call("tenant.import", passphrase=make.PASSPHRASE)["import"]
        data = (old.root / make.EXPORT).read_bytes()
        admin.call_map("import.write", {"import": begun, "offset": 0, "data": data})
        assert admin.call_map("import.commit", {"import": begun}) == {"tenant": "acme"}
    acme = Tenant(vault, "acme")
    check_keys(acme, facts)
    check_apikeys(acme, facts)
    check_secrets(acme, facts)
    acme.close()
    vault.verify_audit()


def test_what_was_under_way_is_ended(golden):
    """A rekey goes on, an import that was cut off is removed, freed pages are overwritten."""
    if of_this_format(golden) is None:
        return
    vault, facts = golden
    end = time.monotonic() + 30
    under_way = {make.ROW_REKEY, make.ROW_IMPORT, make.ROW_SCRUB}
    while {k for _, k in kinds_of(vault)} & under_way:
        assert time.monotonic() < end, kinds_of(vault)
        time.sleep(0.05)
    check_all(vault, facts)
    done = vault.admin_call("audit.query", method="tenant.rekey")["items"]
    assert {"acme", "little"} <= {r["tenant"] for r in done}
    assert vault.admin_call("tenant.get", tenant="acme").get("rekey") is None
    with vault.admin() as admin:
        assert admin.error("tenant.get", tenant=facts["erased"]).code == "not_found"


def test_what_was_locked_is_known(golden):
    """Kinds of row that nothing else here asks for; a lock's end may have come."""
    if of_this_format(golden) is None:
        return
    vault, facts = golden
    acme = Tenant(vault, "acme")
    key = facts["apikeys"]["good"][0]
    answer = acme.call("apikey.verify", key=key, source="192.0.2.1")
    assert answer["valid"] is True or answer["reason"] == "locked"
    used = acme.call("token.uses", jti=facts["uses"]["jti"])
    assert used == {"used": 1, "max": 3}
    live = next(k for k in acme.pages("apikey.list", 100) if k["name"] == "counted")
    assert live["uses_left"] < 1000 and live["last_used_at"] > 0
    status = vault.status()
    assert status["last_backup"] > 0 and status["last_drill"] > 0
    acme.close()


# Kinds of row that no golden store of the newest format has, and why.
WITHOUT = {}


def kinds_of(vault):
    return lmdb.kinds(vault.state / "store" / "data.mdb")


def test_a_row_of_every_kind_is_in_them(tmp_path):
    """Who adds a kind makes it in make.py, or says here why not."""
    text = (REPO / "vaultd" / "core" / "records.h").read_text()
    known = {int(n): name for name, n in re.findall(r"ROW_(\w+) =\s+(\d+)", text)}
    assert len(known) > 30
    newest = [p for p in GOLDEN if p.name.startswith(f"format{make.FORMAT}-")]
    assert len(newest) == len(make.SECRETS)
    for path in newest:
        with tarfile.open(path) as tar:
            (tmp_path / "data.mdb").write_bytes(tar.extractfile("state/store/data.mdb").read())
        found = {kind for _, kind in lmdb.kinds(tmp_path / "data.mdb")}
        assert {known[k] for k in known.keys() - found} == set(WITHOUT), path.name
        assert found <= known.keys(), "a kind that this build does not know"


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
        vault.unseal(**make.SECRETS["keyfile"])
        with contextlib.suppress(subprocess.TimeoutExpired):
            vault.process.wait(2)  # the step may be the keeper's, behind the answer
        return not vault.alive()
    except (EOFError, ConnectionResetError, BrokenPipeError):
        vault.process.wait(60)  # a process that dies in the middle of a flush waits for it
        return True
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
