"""What happens to the audit's files is found: changed, cut, removed, replaced."""

import random
import shutil
import time

import pytest

from lib.vault import VaultError

SEED = 20240229


def segments(vault):
    return sorted(
        p for p in (vault.state / "audit").iterdir() if p.is_file() and p.name != "epoch.key"
    )


def used(path):
    return len(path.read_bytes().rstrip(b"\0"))


def outcome(vault):
    """How a vault with a damaged audit answers: refused (unseal fails), broken (audit.verify says
    so), or fine."""
    try:
        vault.unseal()
    except VaultError as e:
        assert e.code in ("integrity", "audit_unavailable", "internal", "conflict"), e
        return "refused"
    answer = vault.admin_call("audit.verify")
    if answer["ok"]:
        return "fine"
    assert answer["broken"]["why"] and answer["broken"]["seq"] >= 0
    return "broken"


@pytest.fixture
def history(vault):
    """Three segments' worth of starts, stopped cleanly."""
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    for _ in range(2):
        acme.conn.call_many([("key.sign", acme.fields(name="k", message=b"m"))] * 300)
        acme.call("key.rotate", name="k")
        vault.restart()
        acme.close()
        acme.conn = vault.app()
    acme.call("key.rotate", name="k")
    acme.close()
    vault.stop()
    return vault


@pytest.fixture
def damaged(history):
    """Calls change(vault), starts, and answers the outcome; the good state is back afterwards."""
    kept = history.root / "kept"
    shutil.copytree(history.state, kept)

    def run(change):
        change(history)
        history.start()
        found = outcome(history)
        history.stop()
        shutil.rmtree(history.state)
        shutil.copytree(kept, history.state)
        return found

    return run


def test_an_unchanged_copy_is_fine(damaged):
    assert damaged(lambda vault: None) == "fine"


def flip(path, at, bit):
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def test_any_flipped_bit_is_found(damaged, history):
    dice = random.Random(SEED)
    paths = [p for p in segments(history) if used(p) > 0]
    assert paths
    for number in range(24):
        path = paths[number % len(paths)]
        at, bit = dice.randrange(used(path)), dice.randrange(8)
        found = damaged(lambda vault, p=path, a=at, b=bit: flip(p, a, b))
        assert found in (
            "refused",
            "broken",
        ), f"{path.name} of {used(path)} bytes: bit {bit} of byte {at} flipped, and it is {found}"


@pytest.mark.parametrize("left", [0, 1, 16, 100, 0.5, 0.9])
def test_a_cut_segment_is_found(damaged, history, left):
    for path in segments(history):
        size = used(path)
        if size == 0:
            continue
        keep = int(size * left) if isinstance(left, float) else min(left, size - 1)
        found = damaged(lambda vault, p=path, n=keep: p.write_bytes(p.read_bytes()[:n]))
        assert found in ("refused", "broken"), (path.name, keep, size)


def test_a_removed_segment_is_found(damaged, history):
    for path in [p for p in segments(history) if used(p) > 0]:
        assert damaged(lambda vault, p=path: p.unlink()) in ("refused", "broken"), path.name


def test_two_segments_exchanged_are_found(damaged, history):
    one, two = [p for p in segments(history) if used(p) > 0][:2]

    def exchange(vault):
        first, second = one.read_bytes(), two.read_bytes()
        one.write_bytes(second)
        two.write_bytes(first)

    assert damaged(exchange) in ("refused", "broken")


def test_the_whole_audit_removed_is_found(damaged):
    def remove(vault):
        shutil.rmtree(vault.state / "audit")
        (vault.state / "audit").mkdir(mode=0o700)

    assert damaged(remove) in ("refused", "broken")


def test_an_older_copy_of_the_audit_is_found(vault):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    vault.stop()
    old = vault.root / "old-audit"
    shutil.copytree(vault.state / "audit", old)
    vault.start_again()
    acme.close()
    acme.conn = vault.app()
    for _ in range(5):
        acme.call("key.rotate", name="k")
    acme.close()
    vault.stop()
    shutil.rmtree(vault.state / "audit")
    shutil.copytree(old, vault.state / "audit")
    vault.start()
    assert outcome(vault) in ("refused", "broken")


@pytest.mark.parametrize(
    "tail", [bytes(range(256)) * 8, b"\xff" * 100, b"\x01"], ids=["random", "ones", "one-byte"]
)
def test_a_half_written_block_is_cut_away(vault, tail):
    """What a crash leaves behind the last valid block is discarded: the store's head covers all
    that was acknowledged."""
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    acme.close()
    vault.kill()
    path = max(segments(vault), key=lambda p: p.stat().st_mtime_ns)
    # Two bytes of distance: an encrypted block may end in a zero.
    at = used(path) + 2
    with open(path, "r+b") as segment:
        segment.seek(at)
        segment.write(tail)
    vault.start()
    assert outcome(vault) == "fine"
    vault.verify_audit()


def keep_trying(vault, tenant, seconds=15):
    """Every answer is ok or audit_unavailable, ping answers, and in the end it works again without
    a restart."""
    end = time.monotonic() + seconds
    failures = 0
    good = 0
    while time.monotonic() < end and good < 50:
        try:
            tenant.call("key.rotate", name="k")
            tenant.call("key.sign", name="k", message=b"m")
            good += 1
        except VaultError as e:
            assert e.code == "audit_unavailable", e
            failures += 1
            good = 0
        assert tenant.conn.call("sys.ping")
        time.sleep(0.02)
    assert good >= 50, f"no recovery within {seconds} s ({failures} failures)"


@pytest.mark.parametrize(
    "how", ["deleted", "replaced-by-a-file", "replaced-by-a-directory", "emptied"]
)
def test_a_segment_lost_while_running(vault, how):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    acme.conn.call_many([("key.sign", acme.fields(name="k", message=b"m"))] * 200)
    for path in segments(vault):
        if how == "emptied":
            path.write_bytes(b"")
            continue
        path.unlink()
        if how == "replaced-by-a-file":
            path.write_bytes(b"not a segment")
        elif how == "replaced-by-a-directory":
            path.mkdir()
    keep_trying(vault, acme)
    answer = vault.admin_call("audit.verify")
    assert answer["ok"] is False and answer["broken"]["why"], "what was lost is told"
    acme.close()
    vault.stop()


def test_the_audit_directory_lost_while_running(vault):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    (vault.state / "audit").rename(vault.state / "audit.away")
    time.sleep(0.3)
    for _ in range(20):
        try:
            acme.call("key.rotate", name="k")
        except VaultError as e:
            assert e.code == "audit_unavailable"
        assert acme.conn.call("sys.ping")
    if not (vault.state / "audit").exists():
        (vault.state / "audit.away").rename(vault.state / "audit")
    keep_trying(vault, acme)
    acme.close()
