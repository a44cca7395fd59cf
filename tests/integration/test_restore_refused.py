"""vaultd restore refuses what is not whole, not this store's or not wanted, and leaves nothing behind."""

import base64
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from lib import forge
from lib.apikeys import Keys
from lib.backup import Lost, listing, new_directory, restore, secret_file, take
from lib.vault import BUILD, KEYFILE, Tenant, Vault

FLIPS = 300
CUTS = 60


@pytest.fixture(scope="module")
def lost():
    made = Lost()
    acme = made.vault.new_tenant("acme")
    acme.key()
    acme.profile()
    for i in range(40):
        acme.call("secret.put", name=f"s{i}", value=os.urandom(1000))
    made.backup()
    made.lose()
    yield made
    made.close()


@pytest.fixture
def into(lost, request):
    path = new_directory(lost.root, f"refused-{len(os.listdir(lost.root))}")
    yield path
    shutil.rmtree(path)


def attempt(lost, into, file, *more, keyfile=None):
    return restore(file, into, "--accept-gap", *more, keyfile=keyfile or lost.keyfile)


def refused(lost, into, data):
    file = lost.root / "damaged"
    file.write_bytes(data)
    done = attempt(lost, into, file)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "nothing was restored" in done.stderr
    assert listing(into) == []
    return done


def chunks_of(data):
    """Where the chunks of a container begin, and where the last ends."""
    header = 104 + 352 + 24 + 32
    at, places = header, []
    while int.from_bytes(data[at : at + 4], "little") != 0:
        places.append(at)
        at += 4 + int.from_bytes(data[at : at + 4], "little")
    return places, at


def test_it_is_a_backup_that_restores(lost, into):
    done = attempt(lost, into, lost.file)
    assert done.returncode == 0, done.stderr
    assert listing(into) == ["anchor", "audit", "store"]


def test_flipped_bits(lost, into):
    data = bytearray(lost.file.read_bytes())
    rng = random.Random(11)
    places = rng.sample(range(len(data)), FLIPS - 100) + list(range(50)) + list(range(-50, 0))
    for place in places:
        bit = 1 << rng.randrange(8)
        data[place] ^= bit
        refused(lost, into, data)
        data[place] ^= bit


def test_cuts(lost, into):
    data = lost.file.read_bytes()
    places, end = chunks_of(data)
    rng = random.Random(12)
    for n in [0, 1, *places, end, end + 4, len(data) - 1, *rng.sample(range(len(data)), CUTS)]:
        refused(lost, into, data[:n])


def test_chunks_out_of_place(lost, into):
    big = lost.root / "big"
    with Lost() as other:
        acme = other.vault.new_tenant("acme")
        for i in range(12):
            acme.call("secret.put", name=f"s{i}", value=os.urandom(60000))
        take(other.vault, big)
        other.lose()
        data = big.read_bytes()
        places, end = chunks_of(data)
        assert len(places) > 2
        bounds = list(zip(places, places[1:] + [end]))
        parts = [data[a:b] for a, b in bounds]
        head, tail = data[: places[0]], data[end:]
        assert restore(big, into, "--accept-gap", keyfile=other.keyfile).returncode == 0
        shutil.rmtree(into)
        into.mkdir(mode=0o700)
        for wrong in (
            [parts[1], parts[0], *parts[2:]],
            [parts[0], *parts],
            parts[1:],
            [*parts[:1], *parts[2:]],
            parts[:-1],
            [*parts, parts[-1]],
        ):
            refused(other, into, head + b"".join(wrong) + tail)


@pytest.mark.parametrize("name", (b"\0", b"slots\0", b"store_id\0x"))
def test_names_that_are_none(lost, into, name):
    """Of an entry of meta, from who knows the secret: cut at the zero it would be another's, or nobody's."""

    def change(items):
        return [*items, (forge.META, bytes([len(name)]) + name + b"value")]

    done = refused(lost, into, forge.forged(lost.file.read_bytes(), KEYFILE, change))
    assert "is damaged" in done.stderr, done.stderr


def test_trailing_bytes(lost, into):
    data = lost.file.read_bytes()
    for more in (b"\0", b"\n", data, data[-276:]):
        refused(lost, into, data + more)


def test_two_backups_mixed(lost, into):
    with Lost() as other:
        other.backup()
        other.lose()
        a, b = lost.file.read_bytes(), other.file.read_bytes()
        (first, *_), end = chunks_of(a)
        (second, *_), other_end = chunks_of(b)
        refused(lost, into, a[:first] + b[second:])
        refused(lost, into, a[:end] + b[other_end:])
        refused(lost, into, b[:second] + a[first:])


def test_no_backup_at_all(lost, into):
    for data in (b"", b"x", os.urandom(100000), b"VAUDSEG1" + bytes(4096)):
        refused(lost, into, data)


def test_a_raw_store(lost, into):
    done = refused(lost, into, (lost.vault.state / "store" / "data.mdb").read_bytes())
    assert "no backup" in done.stderr


def test_a_wrong_secret(lost, into):
    wrong = secret_file(lost.root, b"x" * 64, "wrong")
    done = attempt(lost, into, lost.file, keyfile=wrong)
    assert done.returncode == 2 and "does not open with this secret" in done.stderr
    assert listing(into) == []


def test_a_secret_of_another_kind(lost, into):
    passphrase = secret_file(lost.root, b"correct horse battery", "passphrase")
    done = restore(lost.file, into, "--accept-gap", "--passphrase-file", passphrase)
    assert done.returncode == 2 and "not for a secret of this kind" in done.stderr
    assert listing(into) == []


def test_another_stores_secret(lost, into):
    with Lost() as other:
        other.backup()
        other.lose()
        wrong = secret_file(lost.root, KEYFILE[::-1], "other")
        assert attempt(other, into, other.file, keyfile=wrong).returncode == 2
    assert listing(into) == []


def test_a_directory_that_is_not_empty(lost, into):
    (into / "file").write_text("mine")
    done = attempt(lost, into, lost.file)
    assert done.returncode == 2 and "not empty" in done.stderr
    assert listing(into) == ["file"] and (into / "file").read_text() == "mine"


def test_a_directory_that_is_not_there(lost, into):
    done = attempt(lost, into / "no", lost.file)
    assert done.returncode == 2 and "no directory" in done.stderr


def test_a_directory_of_others(lost, into):
    into.chmod(0o777)
    assert attempt(lost, into, lost.file).returncode == 2
    assert listing(into) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["FILE"],
        ["--into", "DIR"],
        ["FILE", "--into", "DIR", "more"],
        ["FILE", "--into", "DIR", "--keyfile", "a", "--identity", "b"],
        ["FILE", "--into", "DIR", "--nonsense"],
        ["FILE", "--into", "DIR", "--passphrase", "secret"],
        ["FILE", "--into", "DIR", "--slot", "a b"],
        ["/nonexistent", "--into", "DIR"],
        ["FILE", "--into", "DIR", "--audit", "/nonexistent"],
        ["FILE", "--into", "DIR", "--keys", "/nonexistent"],
        ["FILE", "--into", "DIR", "--erased", "/nonexistent"],
        ["FILE", "--into", "DIR", "--keyfile", "/nonexistent"],
        ["FILE", "--into", "DIR"],
    ],
)
def test_wrong_usage(lost, into, arguments):
    names = {"FILE": str(lost.file), "DIR": str(into)}
    command = [str(BUILD / "vaultd"), "restore", *(names.get(a, a) for a in arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True
    )
    assert done.returncode == 1, done.stderr
    assert "secret" not in done.stderr or "--passphrase" not in arguments
    assert listing(into) == []


def test_the_gap_must_be_accepted(lost, into):
    done = restore(lost.file, into, keyfile=lost.keyfile)
    assert done.returncode == 2 and "--accept-gap" in done.stderr and "--audit" in done.stderr
    assert listing(into) == []


def test_an_audit_of_another_store(lost, into):
    with Lost() as other:
        other.lose()
        audit = other.vault.state / "audit"
        done = restore(lost.file, into, "--audit", audit, keyfile=lost.keyfile)
    assert done.returncode == 2 and "header does not authenticate" in done.stderr
    assert listing(into) == []


class Broken(Lost):
    """A vault whose surviving audit somebody touches."""

    def __init__(self):
        super().__init__()
        self.acme = self.vault.new_tenant("acme")
        self.acme.key()
        self.acme.profile()
        self.token, self.other = self.acme.sign(), self.acme.sign()
        keys = Keys(self.acme)
        self.few, self.many = keys.create("few", uses=5), keys.create("many")
        self.backup()
        self.acme.call("token.revoke", jti=self.token["jti"])
        self.vault.restart()
        self.vault.restart()
        self.acme = Tenant(self.vault, "acme")
        self.acme.call("apikey.revoke", id=self.many["id"])
        self.lose()
        self.audit = self.vault.state / "audit"
        self.segments = sorted(self.audit.glob("*.seg"))

    def refuses(self, into, why):
        done = restore(self.file, into, "--audit", self.audit, keyfile=self.keyfile)
        assert done.returncode == 2 and why in done.stderr, done.stderr
        assert listing(into) == []


@pytest.fixture
def broken():
    made = Broken()
    yield made
    made.close()


def test_what_a_gap_costs(broken, into):
    broken.segments[1].unlink()
    broken.refuses(into, "a segment is missing")
    again = Tenant(broken.restored("--accept-gap"), "acme")
    keys = Keys(again)
    assert keys.reason(broken.few["key"]) == "disabled"
    assert keys.reason(broken.many["key"]) == "revoked", "told by a segment that is there"
    assert again.reason(broken.token["token"]) == "revoked"
    assert again.reason(broken.other["token"]) == "revoked", "issued before the restore"
    assert again.verify(again.sign()["token"])["valid"] is True
    assert keys.verify(keys.create("new", uses=2)["key"])["valid"] is True
    with again.vault.admin() as root:
        (item,) = root.pages("audit.query", 100, method="restore")
    assert item["reason"] == "gap"
    assert "gap            a segment is missing; 1 API key with" in broken.told


def test_a_flipped_bit_in_the_audit(broken, into):
    data = bytearray(broken.segments[1].read_bytes())
    data[-40] ^= 1
    broken.segments[1].write_bytes(data)
    broken.refuses(into, "does not lead on")


def test_an_audit_cut_in_a_block(broken, into):
    with open(broken.segments[-1], "r+b") as last:
        last.truncate(broken.segments[-1].stat().st_size - 10)
    broken.refuses(into, "a block is cut off")


def test_an_audit_that_ends_before_the_backup(broken, into):
    for segment in broken.segments:
        segment.unlink()
    broken.refuses(into, "a segment is missing")


def test_an_audit_that_was_exchanged(broken, into):
    shutil.copy(broken.segments[-1], broken.segments[0])
    broken.refuses(into, "does not lead on")


@pytest.mark.parametrize("name", ["99999999999999999.seg", "00001000.seg"])
def test_a_stray_file_with_a_segments_name(broken, into, name):
    """Nobody goes through all the numbers that it would take to get there."""
    (broken.audit / name).write_bytes(b"stray")
    assert "restored" in broken.restore("--accept-gap", into=into).stdout


def test_rubbish_behind_the_audit(broken, into):
    with open(broken.segments[-1], "ab") as last:
        last.write(bytes(100) + b"x")
    broken.refuses(into, "does not lead on")


def assert_whole(lost, into):
    shutil.rmtree(into / "restore.part")
    again = Vault()
    try:
        shutil.rmtree(again.state)
        shutil.copytree(into, again.state)
        again.state.chmod(0o700)
        again.start()
        again.unseal()
        assert len(Tenant(again, "acme").call("secret.get", name="s7")["value"]) == 1000
    finally:
        again.close()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ended_half_way(lost, into, sign):
    """At moments all over the restore: nothing that a daemon would open the store of."""
    started = time.monotonic()
    assert attempt(lost, into, lost.file).returncode == 0
    whole = time.monotonic() - started
    rng = random.Random(13)
    unfinished = 0
    for _ in range(20):
        shutil.rmtree(into)
        into.mkdir(mode=0o700)
        command = [BUILD / "vaultd", "restore", lost.file, "--into", into, "--accept-gap"]
        process = subprocess.Popen(
            [*map(str, command), "--keyfile", str(lost.keyfile)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(rng.uniform(0, whole))
        process.send_signal(sign)
        code = process.wait(20)
        names = listing(into)
        if code == 0:
            assert names == ["anchor", "audit", "store"]
            continue
        if "store" in names:  # moved there last, so all was done
            assert_whole(lost, into)
            continue
        unfinished += 1
        if sign != signal.SIGKILL and code > 0:
            assert names == []
        # What is left is cleared away by the next.
        if set(names) <= {"restore.part"}:
            assert attempt(lost, into, lost.file).returncode == 0
            assert listing(into) == ["anchor", "audit", "store"]
    assert unfinished > 0


def test_a_daemon_does_not_take_half_a_restore(lost):
    other = Vault()
    try:
        shutil.copytree(lost.vault.state / "store", other.state / "restore.part" / "store")
        other.start()
        assert other.status()["initialized"] is False
    finally:
        other.close()


def test_the_disk_is_full(lost, into):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "none", into], check=True)
    try:
        done = attempt(lost, into, lost.file)
        assert done.returncode == 2, done.stderr
        assert listing(into) == []
    finally:
        subprocess.run(["umount", into], check=True)


def test_signed_again_by_another_identity(lost, into):
    """Who knows a slot's secret, or its public half alone, can seal a file to it."""
    changed = forge.forged(lost.file.read_bytes(), KEYFILE, list)
    assert "was not signed by the store" in refused(lost, into, changed).stderr


FORGED = {
    "a row twice": lambda items: [*items, next(i for i in items if i[0] == forge.ROW)],
    "a row numbered 0": lambda items: [*items, (forge.ROW, bytes(8) + b"x" * 60)],
    "the last row of all": lambda items: [*items, (forge.ROW, b"\xff" * 8 + b"x" * 60)],
    "a link to no row": lambda items: [*items, (forge.LINK, bytes(4) + b"\3" + b"\7" * 20)],
    "a link too short": lambda items: [*items, (forge.LINK, bytes(24))],
    "root twice": lambda items: [items[0], *items],
    "no root": lambda items: items[1:],
    "a short root": lambda items: [(forge.ROOT, bytes(20)), *items[1:]],
    "no meta": lambda items: [i for i in items if i[0] != forge.META],
    "no rows": lambda items: [i for i in items if i[0] != forge.ROW],
    "no links": lambda items: [i for i in items if i[0] != forge.LINK],
    "rows exchanged": lambda items: exchanged(items),
    "an empty meta name": lambda items: [*items, (forge.META, b"\0x")],
    "a type of a newer build": lambda items: [*items, (77, b"x")],
    "nothing": lambda items: [],
}


def exchanged(items):
    rows = [i for i, (kind, _) in enumerate(items) if kind == forge.ROW]
    a, b = rows[-1], rows[-2]
    out = list(items)
    out[a] = (forge.ROW, items[a][1][:8] + items[b][1][8:])
    out[b] = (forge.ROW, items[b][1][:8] + items[a][1][8:])
    return out


@pytest.mark.parametrize("what", FORGED)
def test_what_no_store_holds(lost, into, what):
    refused(lost, into, forge.forged(lost.file.read_bytes(), KEYFILE, FORGED[what]))


def test_another_stores_backup_that_our_secret_opens(lost, into):
    with Lost() as other:
        other.vault.new_tenant("theirs").close()
        other.backup()
        signer = base64.urlsafe_b64encode(lost.file.read_bytes()[72:104]).rstrip(b"=").decode()
        done = attempt(lost, into, other.file, "--signed-by", signer)
        assert done.returncode == 2 and "was signed by" in done.stderr
        assert listing(into) == []
        assert signer not in attempt(lost, into, other.file).stdout
    again = new_directory(lost.root, "signed")
    done = attempt(lost, again, lost.file, "--signed-by", signer)
    assert done.returncode == 0 and signer in done.stdout
    shutil.rmtree(again)
