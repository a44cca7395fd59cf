"""An older copy of the store, of the audit or of the anchor is noticed at unseal; root may accept it,
which is audited. Where all three are put back together nobody can notice."""

import os
import random
import shutil
import subprocess
import time

import pytest

from lib.other import connected_by
from lib.vault import KEYFILE, Tenant

OWNER = (4321, 4321)  # a user of the daemon's own
EVENT = "accept-rollback"


def changes(vault, n, prefix):
    with vault.app() as conn:
        for i in range(n):
            conn.call("key.create", tenant="acme", name=f"{prefix}{i}", algorithm="HS256", usage="raw")


def copy(vault, name):
    """A copy of the state directory, made while nothing runs."""
    kept = vault.root / name
    shutil.copytree(vault.state, kept)
    return kept


def put_back(vault, kept, *parts):
    for part in parts:
        shutil.rmtree(vault.state / part, ignore_errors=True)
        if (kept / part).exists():
            shutil.copytree(kept / part, vault.state / part)


@pytest.fixture
def aged(vault):
    """Stopped, with an older copy of its state beside it: (vault, copy)."""
    vault.new_tenant("acme").close()
    changes(vault, 3, "old")
    vault.stop()
    kept = copy(vault, "kept")
    vault.start_again()
    changes(vault, 5, "new")
    vault.stop()
    return vault, kept


def refused(vault):
    """Unsealing is refused, and it says what can be done; nothing is changed by that."""
    with vault.admin() as admin:
        for _ in range(2):
            error = admin.error("sys.unseal", keyfile=KEYFILE)
            assert error.code == "integrity" and "accept_rollback" in error.message, error
    assert vault.status()["sealed"] is True and "anchor" not in vault.status()
    return error.message


def accept(vault):
    assert vault.unseal(keyfile=KEYFILE, accept_rollback=True) == {"sealed": False}
    events = records(vault, method=EVENT)
    assert events and events[0]["uid"] == 0 and events[0]["outcome"] == "ok"
    return events[0]["text"]


def records(vault, **filters):
    return vault.admin_call("audit.query", limit=1000, **filters)["items"]


def names(vault):
    acme = Tenant(vault, "acme")
    found = {k["name"] for k in acme.pages("key.list", 1000)}
    acme.close()
    return found


OLD = {f"old{i}" for i in range(3)}
NEW = {f"new{i}" for i in range(5)}


def works_again(vault, verifies=True):
    """It can be written, sealed and opened without more ado."""
    changes(vault, 2, "later")
    for _ in range(2):
        vault.restart()
        assert vault.status()["anchor"]["ok"] is True
        if verifies:
            vault.verify_audit()
    assert {"later0", "later1"} <= names(vault)
    vault.kill()
    vault.start_again()
    changes(vault, 1, "after-kill")


def test_nothing_is_refused_that_was_not_rolled_back(aged):
    vault, _ = aged
    vault.start_again()
    assert names(vault) == OLD | NEW
    assert not records(vault, method=EVENT)
    works_again(vault)


def test_an_older_store_alone(aged):
    vault, kept = aged
    put_back(vault, kept, "store")
    vault.start()
    assert "older than its anchor" in refused(vault)
    text = accept(vault)
    assert "are void" in text and "begins anew" not in text, text
    assert names(vault) == OLD
    # The changes are still told of, as what did not happen.
    void = [r for r in records(vault, method="key.create") if r.get("reason") == "not_applied"]
    assert len(void) == 5 and {r["outcome"] for r in void} == {"error"}
    works_again(vault)


def test_an_older_store_without_an_anchor_is_told_by_the_audit(aged):
    vault, kept = aged
    put_back(vault, kept, "store", "anchor")
    vault.start()
    assert "do not belong together" in refused(vault)
    accept(vault)
    assert names(vault) == OLD
    works_again(vault)


def test_store_and_audit_together(aged):
    vault, kept = aged
    put_back(vault, kept, "store", "audit")
    vault.start()
    assert "older than its anchor" in refused(vault)
    text = accept(vault)
    assert "void" not in text and "anew" not in text, text
    assert names(vault) == OLD
    works_again(vault)


def test_an_older_audit_alone(aged):
    """Its records are lost: what is new goes on behind them, and audit.verify says where."""
    vault, kept = aged
    put_back(vault, kept, "audit")
    vault.start()
    assert "do not belong together" in refused(vault)
    assert "begins anew" in accept(vault)
    assert names(vault) == OLD | NEW
    works_again(vault, verifies=False)
    answer = vault.admin_call("audit.verify")
    assert answer["ok"] is False and answer["broken"]["seq"] > 1
    last = records(vault, method=EVENT)[0]["seq"]
    assert vault.admin_call("audit.verify", since_seq=last)["ok"] is True


def test_all_three_together_are_not_noticed(aged):
    """Not promised, as docs/THREATS.md says: an anchor in a directory of its own is the remedy."""
    vault, kept = aged
    put_back(vault, kept, "store", "audit", "anchor")
    vault.start_again()
    assert names(vault) == OLD
    vault.verify_audit()


def test_the_anchor_in_a_directory_of_its_own(new_vault, tmp_path):
    anchor = tmp_path / "anchor"
    anchor.mkdir(mode=0o700)
    vault = new_vault(f'anchor_dir = "{anchor}"').start()
    vault.init()
    vault.new_tenant("acme").close()
    vault.stop()
    kept = copy(vault, "kept")
    vault.start_again()
    changes(vault, 2, "new")
    vault.stop()
    assert (anchor / "anchor").stat().st_mode & 0o777 == 0o600
    assert not (vault.state / "anchor").exists()
    shutil.rmtree(vault.state)
    shutil.copytree(kept, vault.state)
    vault.start()
    assert "older than its anchor" in refused(vault)
    accept(vault)
    assert names(vault) == set()


def test_a_removed_anchor(aged):
    vault, _ = aged
    (vault.state / "anchor" / "anchor").unlink()
    vault.start()
    assert "missing" in refused(vault)
    accept(vault)
    assert names(vault) == OLD | NEW
    works_again(vault)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "long", "link"])
def test_a_damaged_anchor(aged, damage):
    vault, _ = aged
    path = vault.state / "anchor" / "anchor"
    data = path.read_bytes()
    if damage == "flip":
        at = random.randrange(28, len(data))
        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    data = {"cut": data[:-1], "empty": b"", "long": data + b"\0"}.get(damage, data)
    path.write_bytes(data)
    if damage == "link":
        path.rename(vault.root / "elsewhere")
        path.symlink_to(vault.root / "elsewhere")
    vault.start()
    assert "damaged" in refused(vault)
    accept(vault)
    works_again(vault)


def test_the_anchor_of_another_store(aged, new_vault):
    vault, _ = aged
    other = new_vault().start()
    other.init()
    other.stop()
    shutil.copy(other.state / "anchor" / "anchor", vault.state / "anchor" / "anchor")
    vault.start()
    assert "another store" in refused(vault)
    accept(vault)
    works_again(vault)


def test_what_was_given_up_cannot_come_back(aged):
    """The store that was newer is the older one from then on."""
    vault, kept = aged
    newest = copy(vault, "newest")
    put_back(vault, kept, "store")
    vault.start()
    accept(vault)
    vault.stop()
    put_back(vault, newest, "store")
    vault.start()
    refused(vault)


def test_only_root_may_accept(new_vault):
    """The daemon's own user holds every right that root does, and is refused."""
    vault = new_vault(user=OWNER).start()
    vault.init()
    vault.stop()
    kept = copy(vault, "kept")
    for path in (kept, *kept.rglob("*")):
        os.chown(path, *OWNER)
    vault.start_again()
    vault.admin_call("tenant.create", tenant="acme")
    vault.stop()
    shutil.rmtree(vault.state / "store")
    shutil.copytree(kept / "store", vault.state / "store")
    for path in (vault.state / "store", *(vault.state / "store").iterdir()):
        os.chown(path, *OWNER)
    vault.start()
    with connected_by(*OWNER, vault.admin_path) as admin:
        error = admin.error("sys.unseal", keyfile=KEYFILE, accept_rollback=True)
        assert error.code == "denied" and error.field == "accept_rollback"
        # That is no wrong secret, so it does not lock.
        for _ in range(6):
            assert admin.error("sys.unseal", keyfile=KEYFILE, accept_rollback=True).code == "denied"
        assert admin.error("sys.unseal", keyfile=KEYFILE).code == "integrity"
    accept(vault)


def test_a_wrong_secret_accepts_nothing(aged):
    vault, kept = aged
    put_back(vault, kept, "store")
    vault.start()
    with vault.admin() as admin:
        wrong = admin.error("sys.unseal", keyfile=b"wrong" * 8, accept_rollback=True)
        assert wrong.code == "denied"
    refused(vault)


def test_accepting_what_was_not_rolled_back_leaves_no_trace(aged):
    vault, _ = aged
    vault.start()
    assert vault.unseal(keyfile=KEYFILE, accept_rollback=True) == {"sealed": False}
    assert not records(vault, method=EVENT)
    vault.verify_audit()


def test_the_key_file_at_start_does_not_accept(aged):
    vault, kept = aged
    put_back(vault, kept, "store")
    key = vault.root / "key"
    key.write_bytes(KEYFILE)
    key.chmod(0o600)
    vault.write_config(f'unseal_keyfile = "{key}"')
    vault.start()
    end = time.monotonic() + 5
    while "A ROLLBACK IS REFUSED" not in vault.log() and time.monotonic() < end:
        time.sleep(0.02)
    assert "A ROLLBACK IS REFUSED" in vault.log() and "accept_rollback" in vault.log()
    assert vault.status()["sealed"] is True
    accept(vault)


def test_an_anchor_is_made_for_a_store_that_never_had_one(vault):
    anchor = vault.state / "anchor" / "anchor"
    assert anchor.exists(), "written with the commit that made the vault"
    assert vault.status()["anchor"]["revision"] > 0


def test_the_anchor_follows_within_a_second(vault):
    vault.new_tenant("acme").close()
    for i in range(3):
        time.sleep(0.6)
        before = vault.status()["anchor"]["revision"]
        changes(vault, 1, f"k{i}-")
        end = time.monotonic() + 1
        while vault.status()["anchor"]["revision"] == before:
            assert time.monotonic() < end
            time.sleep(0.02)
    text = vault.admin_call("sys.metrics")["text"]
    assert "vaultd_anchor_healthy 1\n" in text and "vaultd_anchor_revision" in text


def test_an_anchor_that_cannot_be_written_is_told_and_stops_nobody(new_vault, tmp_path):
    anchor = tmp_path / "anchor"
    anchor.mkdir(mode=0o700)
    vault = new_vault(f'anchor_dir = "{anchor}"').start()
    vault.init()
    (anchor / "anchor.new").mkdir()
    vault.new_tenant("acme").close()
    end = time.monotonic() + 5
    while vault.status()["anchor"]["ok"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    changes(vault, 1, "k")
    assert "the anchor cannot be written" in vault.log()
    (anchor / "anchor.new").rmdir()
    end = time.monotonic() + 5
    while not vault.status()["anchor"]["ok"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    vault.restart()


@pytest.mark.parametrize("wrong", ["missing", "open", "file"])
def test_a_directory_that_cannot_hold_it_keeps_the_daemon_from_starting(new_vault, tmp_path, wrong):
    anchor = tmp_path / "anchor"
    if wrong == "open":
        anchor.mkdir()
        anchor.chmod(0o777)
    elif wrong == "file":
        anchor.write_bytes(b"")
    vault = new_vault(f'anchor_dir = "{anchor}"')
    vault.spawn()
    assert vault.process.wait(20) != 0
    assert "anchor_dir" in vault.log()


def test_kills_at_any_moment_are_no_rollback(new_vault):
    """The anchor may be behind the store and never ahead of it."""
    dice = random.Random(7)
    vault = new_vault().start()
    vault.init()
    vault.new_tenant("acme").close()
    for round_ in range(12):
        with vault.app() as conn:
            end = time.monotonic() + dice.uniform(0.01, 0.7)
            i = 0
            while time.monotonic() < end:
                conn.call(
                    "key.create", tenant="acme", name=f"k{round_}-{i}", algorithm="HS256", usage="raw"
                )
                i += 1
                time.sleep(dice.uniform(0, 0.01))
            vault.kill()
        vault.start_again()
        assert f"k{round_}-{i - 1}" in names(vault)
    assert not records(vault, method=EVENT)


def test_recover_owner_is_refused_on_an_older_store(aged):
    vault, kept = aged
    put_back(vault, kept, "store")
    key = vault.root / "key"
    key.write_bytes(KEYFILE)
    done = subprocess.run(
        [*vault.command()[:1], "recover-owner", "--config", vault.config, "--state", vault.state,
         "--uid", "4711", "--keyfile", key],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 2 and "A ROLLBACK IS REFUSED" in done.stderr, done.stderr
    vault.start()
    refused(vault)

