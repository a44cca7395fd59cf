"""Unseal slots and SLIP-39 shares."""

import itertools
import pathlib
import time

import pytest

from lib import lmdb
from lib.vault import KEYFILE

PASSPHRASE = b"correct horse battery"
FOREIGN = (
    "shadow pistol academic always adequate wildlife fancy gross oasis cylinder mustang wrist "
    "rescue view short owner flip making coding armed"
)


def add(vault, slot, **secret):
    return vault.admin_call("slot.add", slot=slot, **secret)


def names(vault):
    return [s["slot"] for s in vault.admin_call("slot.list")["items"]]


def share(vault, text, **fields):
    return vault.admin_call("sys.unseal", share=text, **fields)


def refused(vault, method, /, **fields):
    with vault.admin() as admin:
        return admin.error(method, **fields)


def progress(vault):
    return vault.status().get("unseal")


def unseal_by(vault, shares):
    """Each over a connection of its own; the last answer."""
    for text in shares:
        answer = share(vault, text)
    return answer


@pytest.fixture
def shared(blank):
    """A vault whose only slot is 3 of 5 shares."""
    answer = blank.init(shares=5, threshold=3)
    blank.shares = answer["shares"]
    return blank


# sys.init and slot.add


def test_init_by_shares(shared):
    assert len(set(shared.shares)) == 5
    assert all(len(s.split()) == 33 for s in shared.shares)
    assert shared.status()["sealed"] is False
    item = shared.admin_call("slot.list")["items"][0]
    assert abs(item.pop("created_at") - time.time()) < 60
    assert item == {"slot": "initial", "kind": "shares", "threshold": 3, "shares": 5}


def test_every_choice_of_three_of_five(shared):
    for chosen in itertools.islice(itertools.permutations(shared.shares, 3), 0, None, 7):
        shared.seal()
        assert share(shared, chosen[0]) == {"sealed": True, "needed": 2}
        assert share(shared, chosen[1]) == {"sealed": True, "needed": 1}
        assert share(shared, chosen[2]) == {"sealed": False}
        assert progress(shared) is None


@pytest.mark.parametrize("k,n", [(2, 2), (2, 16), (16, 16)])
def test_bounds_of_shares(blank, k, n):
    shares = blank.init(shares=n, threshold=k)["shares"]
    assert len(shares) == n
    blank.restart(unseal=False)
    assert unseal_by(blank, shares[-k:]) == {"sealed": False}


@pytest.mark.parametrize(
    "secret,field",
    [
        ({"shares": 5}, "threshold"),
        ({"threshold": 2}, "shares"),
        ({"shares": 2, "threshold": 3}, "threshold"),
        ({"shares": 1, "threshold": 1}, "shares"),
        ({"shares": 3, "threshold": 1}, "threshold"),
        ({"shares": 17, "threshold": 3}, "shares"),
        ({"shares": 16, "threshold": 17}, "threshold"),
        ({"shares": 3, "threshold": 2, "passphrase": b"x" * 12}, "shares"),
        ({"shares": 3, "threshold": 2, "keyfile": b"x" * 32}, "shares"),
        ({"passphrase": b"x" * 12, "keyfile": b"x" * 32}, "keyfile"),
        ({"passphrase": b"x" * 11}, "passphrase"),
        ({"keyfile": b"x" * 4097}, "keyfile"),
        ({}, "passphrase"),
    ],
)
def test_a_new_slot_has_exactly_one_kind_within_bounds(vault, new_vault, secret, field):
    blank = new_vault().start()
    for error in (
        refused(blank, "sys.init", **secret),
        refused(vault, "slot.add", slot="other", **secret),
    ):
        assert (error.code, error.field) == ("invalid_params", field)
    assert blank.status()["initialized"] is False and names(vault) == ["initial"]


def test_three_kinds_each_open_alone(vault):
    assert add(vault, "console", passphrase=PASSPHRASE) == {"slot": "console"}
    answer = add(vault, "board", shares=3, threshold=2)
    assert answer["slot"] == "board" and len(answer["shares"]) == 3
    listed = vault.admin_call("slot.list")["items"]
    assert [(s["slot"], s["kind"]) for s in listed] == [
        ("initial", "keyfile"),
        ("console", "passphrase"),
        ("board", "shares"),
    ]
    assert vault.status()["slots"] == 3
    for again in (vault.seal, lambda: vault.restart(unseal=False)):
        again()
        assert vault.unseal(keyfile=KEYFILE) == {"sealed": False}
        again()
        assert vault.unseal(passphrase=PASSPHRASE) == {"sealed": False}
        again()
        assert unseal_by(vault, answer["shares"][:2]) == {"sealed": False}
    vault.verify_audit()


def test_slot_names(vault):
    assert refused(vault, "slot.add", slot="initial", keyfile=b"x" * 32).code == "exists"
    error = refused(vault, "slot.add", slot="x" * 64, keyfile=b"x" * 32)
    assert (error.code, error.field) == ("invalid_params", "slot")
    add(vault, "x" * 63, keyfile=b"x" * 32)
    vault.seal()
    assert vault.unseal(keyfile=b"x" * 32, slot="x" * 63) == {"sealed": False}
    vault.admin_call("sys.rekey")
    vault.restart()
    vault.verify_audit()


def test_sixteen_slots(vault):
    for n in range(15):
        add(vault, f"slot-{n}", keyfile=b"%02d" % n + b"x" * 32)
    assert refused(vault, "slot.add", slot="more", keyfile=b"x" * 32).code == "conflict"
    vault.admin_call("slot.add", slot="slot-7", keyfile=b"y" * 32, replace=True)
    vault.admin_call("sys.rekey")
    with vault.admin() as admin:
        assert len(admin.pages("slot.list", 5)) == 16
        assert len(admin.call("slot.list", limit=3)["items"]) == 3
        assert admin.error("slot.list", cursor="bm9uZQ").code == "invalid_params"
    for secret in (b"00" + b"x" * 32, b"y" * 32, b"14" + b"x" * 32):
        vault.seal()
        assert vault.unseal(keyfile=secret) == {"sealed": False}
    vault.seal()
    assert refused(vault, "sys.unseal", keyfile=b"07" + b"x" * 32).code == "denied"
    vault.unseal()


def test_replace(vault):
    error = refused(vault, "slot.add", slot="other", keyfile=b"x" * 32, replace=True)
    assert (error.code, error.field) == ("not_found", "slot")
    add(vault, "initial", passphrase=PASSPHRASE, replace=True)
    assert names(vault) == ["initial"]
    vault.seal()
    assert refused(vault, "sys.unseal", keyfile=KEYFILE).code == "denied"
    assert vault.unseal(passphrase=PASSPHRASE) == {"sealed": False}
    assert vault.admin_call("sys.rekey") == {"generation": 3}, "replacing is a rekey too"


def test_remove(vault):
    assert refused(vault, "slot.remove", slot="initial").code == "conflict"
    assert refused(vault, "slot.remove", slot="other").code == "not_found"
    add(vault, "other", passphrase=PASSPHRASE)
    assert vault.admin_call("slot.remove", slot="initial") == {}
    assert refused(vault, "slot.remove", slot="other").code == "conflict"
    vault.restart(unseal=False)
    assert refused(vault, "sys.unseal", keyfile=KEYFILE).code == "denied"
    assert refused(vault, "sys.unseal", keyfile=KEYFILE, slot="initial").code == "not_found"
    assert vault.unseal(passphrase=PASSPHRASE) == {"sealed": False}
    assert vault.admin_call("sys.rekey") == {"generation": 3}, "removing is a rekey too"
    vault.verify_audit()


@pytest.mark.parametrize("how", ["remove", "replace", "rekey"])
def test_nothing_that_the_old_root_key_opens_is_left_in_the_file(vault, how):
    """In freed pages either: who knows a secret of before would begin with them, and go on to keys in use."""
    acme = vault.new_tenant("acme")
    acme.key()
    add(vault, "other", passphrase=PASSPHRASE)
    vault.stop()
    before = lmdb.meta(lmdb.file_of(vault))
    vault.start_again()
    if how == "remove":
        vault.admin_call("slot.remove", slot="other")
    elif how == "replace":
        add(vault, "other", keyfile=b"k" * 64, replace=True)
    else:
        vault.admin_call("sys.rekey")
    lmdb.stop_scrubbed(vault)
    data, after = lmdb.file_of(vault).read_bytes(), lmdb.meta(lmdb.file_of(vault))
    for name in (b"slots", b"store_wraps"):
        assert not lmdb.left(before[name], after[name], data), name
    vault.start_again()
    assert acme_signs(vault)


def acme_signs(vault):
    with vault.app() as app:
        return app.call("key.get", tenant="acme", name="k")["name"] == "k"


def test_a_request_id_adds_one_slot_and_does_not_repeat_its_shares(vault):
    fields = {"slot": "board", "shares": 3, "threshold": 2, "request_id": "one"}
    first = vault.admin_call("slot.add", **fields)
    again = vault.admin_call("slot.add", **fields)
    assert len(first["shares"]) == 3
    assert {k: v for k, v in again.items() if k != "replayed"} == {"slot": "board"}


def test_shares_and_secrets_are_not_in_the_audit(vault):
    words = add(vault, "board", shares=2, threshold=2)["shares"]
    vault.seal()
    unseal_by(vault, words)
    with vault.admin() as admin:
        text = str(admin.pages("audit.query", 1000, order="oldest"))
    assert not any(w in text for w in words) and "slot.add" in text and "board" in text


# sys.unseal by shares


def test_progress_is_told(shared):
    shared.seal()
    assert progress(shared) is None
    share(shared, shared.shares[4])
    assert progress(shared) == {"slot": "initial", "have": 1, "needed": 2}
    share(shared, shared.shares[0])
    assert progress(shared) == {"slot": "initial", "have": 2, "needed": 1}


def test_the_same_share_counts_once(shared):
    shared.seal()
    for _ in range(3):
        assert share(shared, shared.shares[1]) == {"sealed": True, "needed": 2}
    assert share(shared, "  " + shared.shares[1].upper().replace(" ", "\n ") + "\n") == {
        "sealed": True,
        "needed": 2,
    }
    assert share(shared, shared.shares[2])["needed"] == 1
    assert share(shared, shared.shares[1])["needed"] == 1
    assert share(shared, shared.shares[3]) == {"sealed": False}


def mistype(text, at):
    words = text.split()
    words[at] = "academic" if words[at] != "academic" else "acid"
    return " ".join(words)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s: "",
        lambda s: "no words of any share",
        lambda s: " ".join(s.split()[:-1]),
        lambda s: s + " academic",
        lambda s: mistype(s, 0),
        lambda s: mistype(s, 20),
        lambda s: mistype(s, 32),
    ],
)
def test_a_mistyped_share_is_no_attempt_and_forgets_nothing(shared, wrong):
    shared.seal()
    share(shared, shared.shares[0])
    for _ in range(6):
        error = refused(shared, "sys.unseal", share=wrong(shared.shares[1]))
        assert (error.code, error.field) == ("invalid_params", "share")
    assert progress(shared)["have"] == 1
    assert unseal_by(shared, shared.shares[1:3]) == {"sealed": False}


def test_a_share_of_another_vault(shared, new_vault):
    other = new_vault().start().init(shares=5, threshold=3)["shares"]
    shared.seal()
    for wrong in (other[0], FOREIGN):
        share(shared, shared.shares[0])
        assert refused(shared, "sys.unseal", share=wrong).code == "denied"
        assert progress(shared) is None, "all are forgotten"
    assert unseal_by(shared, shared.shares[:3]) == {"sealed": False}


def test_a_share_of_another_slot(shared):
    other = add(shared, "board", shares=2, threshold=2)["shares"]
    shared.seal()
    share(shared, shared.shares[0])
    assert refused(shared, "sys.unseal", share=other[0]).code == "denied"
    assert progress(shared) is None
    assert refused(shared, "sys.unseal", share=other[0], slot="initial").code == "denied"
    assert refused(shared, "sys.unseal", share=other[0], slot="none").code == "not_found"
    assert share(shared, other[0], slot="board") == {"sealed": True, "needed": 1}
    assert progress(shared)["slot"] == "board"
    assert share(shared, other[1]) == {"sealed": False}


def test_shares_of_a_replaced_slot_open_nothing(shared):
    new = add(shared, "initial", shares=3, threshold=3, replace=True)["shares"]
    shared.seal()
    assert refused(shared, "sys.unseal", share=shared.shares[0]).code == "denied"
    assert unseal_by(shared, new) == {"sealed": False}


def test_wrong_shares_lock_like_wrong_secrets(shared):
    shared.seal()
    codes = [refused(shared, "sys.unseal", share=FOREIGN).code for _ in range(4)]
    assert codes == ["denied"] * 4
    assert refused(shared, "sys.unseal", keyfile=b"x" * 32).code == "denied"
    for secret in ({"share": shared.shares[0]}, {"keyfile": KEYFILE}):
        error = refused(shared, "sys.unseal", **secret)
        assert error.code == "locked" and error.retry_after_ms > 29 * 60 * 1000
    assert progress(shared) is None


def test_failures_before_count_until_the_last_share(shared):
    shared.seal()
    for _ in range(4):
        assert refused(shared, "sys.unseal", share=FOREIGN).code == "denied"
    share(shared, shared.shares[0])
    assert refused(shared, "sys.unseal", share=FOREIGN).code == "denied", "a share is no success"
    assert refused(shared, "sys.unseal", share=shared.shares[0]).code == "locked"


def test_while_unsealed_nothing_is_tried(shared):
    for _ in range(6):
        assert share(shared, FOREIGN) == {"sealed": False}
        assert share(shared, "no share") == {"sealed": False}
        assert share(shared, shared.shares[0]) == {"sealed": False}
    assert progress(shared) is None


def test_seal_and_another_slot_forget(shared):
    add(shared, "console", keyfile=KEYFILE)
    shared.seal()
    share(shared, shared.shares[0])
    shared.seal()
    assert progress(shared) is None
    share(shared, shared.shares[0])
    assert shared.unseal() == {"sealed": False}
    assert progress(shared) is None
    shared.seal()
    assert share(shared, shared.shares[1]) == {"sealed": True, "needed": 2}


def test_a_restart_forgets(shared):
    shared.seal()
    unseal_by(shared, shared.shares[:2])
    shared.restart(unseal=False)
    assert progress(shared) is None
    assert unseal_by(shared, shared.shares[2:]) == {"sealed": False}


def test_shares_at_once_over_many_connections(shared):
    shared.seal()
    conns = [shared.admin() for _ in shared.shares]
    ids = [c.start("sys.unseal", {"share": s}) for c, s in zip(conns, shared.shares)]
    answers = [c.wait(i) for c, i in zip(conns, ids)]
    assert sorted(a["sealed"] for a in answers).count(False) >= 1
    assert shared.status()["sealed"] is False
    for conn in conns:
        conn.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"keyfile": KEYFILE, "share": FOREIGN},
        {"passphrase": PASSPHRASE, "share": FOREIGN},
        {},
    ],
)
def test_exactly_one_kind_to_unseal(shared, fields):
    shared.seal()
    for _ in range(6):
        assert refused(shared, "sys.unseal", **fields).code == "invalid_params"
    assert unseal_by(shared, shared.shares[:3]) == {"sealed": False}


def test_shares_are_forgotten_after_ten_minutes(new_vault, tmp_path):
    """By the clock that nobody sets, so the library moves that one too."""
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    assert library is not None, "libfaketime is missing: tools/setup.sh test"
    clock = tmp_path / "faketime"
    clock.write_text("+0\n")
    env = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
    }
    vault = new_vault('sandbox = "off"', env=env).start()
    shares = vault.init(shares=3, threshold=2)["shares"]
    vault.seal()
    share(vault, shares[0])
    clock.write_text("+9m\n")
    assert progress(vault)["have"] == 1
    clock.write_text("+10m\n")
    end = time.monotonic() + 10
    while progress(vault) is not None and time.monotonic() < end:
        time.sleep(0.05)
    assert progress(vault) is None, "the keeper wipes them, whether anybody asks or not"
    assert share(vault, shares[1]) == {"sealed": True, "needed": 1}
    assert share(vault, shares[0]) == {"sealed": False}


@pytest.mark.parametrize("method", ["slot.add", "slot.remove", "slot.list", "sys.rekey"])
def test_on_the_admin_socket_only(vault, method):
    fields = {"slot": "x", "keyfile": b"x" * 32} if method == "slot.add" else {}
    if method == "slot.remove":
        fields = {"slot": "x"}
    with vault.app() as app:
        assert app.error(method, **fields).code == "denied"


def test_nothing_but_owners_add_slots(vault):
    """It can carry the whole store away: no wildcard and no other built-in role gives it."""
    with vault.admin() as admin:
        for role in ("operator", "security-admin"):
            methods = admin.call("role.get", role=role)["methods"]
            assert "slot.add" not in methods and "slot.remove" not in methods
