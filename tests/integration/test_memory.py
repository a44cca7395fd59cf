"""Where keys are in the process's memory, and what the process is allowed to do."""

import os
import pathlib

import pytest

from lib import jose, memory
from lib.vault import KEYFILE

MATERIAL = bytes((i * 37 + 11) & 0xFF for i in range(32))
SEED = bytes((i * 53 + 29) & 0xFF for i in range(32))
PASSPHRASE = b"a passphrase that is looked for"


def halves(secret):
    return [secret[:16], secret[-16:]]


NEEDLES = halves(MATERIAL) + halves(SEED) + halves(KEYFILE) + halves(PASSPHRASE)


def outside_locked(vault):
    return [
        (needle.hex(), name)
        for needle, name, locked in memory.find(vault.pid, NEEDLES)
        if not locked
    ]


def anywhere(vault):
    return [
        (needle.hex(), name, locked) for needle, name, locked in memory.find(vault.pid, NEEDLES)
    ]


def use_keys(vault):
    acme = vault.new_tenant("acme")
    acme.import_hs(MATERIAL, "hs")
    acme.import_hs(MATERIAL, "raw", usage="raw")
    acme.call("key.import", name="ed", algorithm="EdDSA", key=SEED)
    for name in ("hs", "ed"):
        acme.profile(f"p-{name}", key=name)
        for _ in range(50):
            assert acme.verify(acme.sign(f"p-{name}")["token"], f"p-{name}")["valid"]
    acme.call("key.sign", name="raw", message=b"m")
    # Others' requests pass through the buffers that held the secrets.
    acme.conn.call_many([("sys.ping", {})] * 50)
    return acme


def test_the_scan_finds_what_is_there():
    """The test's own process holds the needles: a scan that finds nothing there proves nothing."""
    assert {needle for needle, _, _ in memory.find(os.getpid(), NEEDLES)} == set(NEEDLES)


def test_keys_are_only_in_locked_memory(vault):
    acme = use_keys(vault)
    assert outside_locked(vault) == []
    acme.close()
    assert outside_locked(vault) == []


def test_nothing_is_left_after_seal(vault):
    acme = use_keys(vault)
    vault.seal()
    assert anywhere(vault) == []
    acme.close()


def test_unseal_leaves_no_secret_behind(blank):
    blank.init(passphrase=PASSPHRASE)
    blank.seal()
    blank.unseal(passphrase=PASSPHRASE)
    blank.admin_call("sys.status")
    assert outside_locked(blank) == []
    blank.seal()
    with blank.admin() as admin:
        assert admin.error("sys.unseal", passphrase=PASSPHRASE + b"wrong").code == "denied"
    assert anywhere(blank) == []


def test_a_refused_import_leaves_nothing_behind(vault):
    acme = vault.new_tenant("acme")
    for fields in ({"nope": 1}, {"kid": ""}, {"usage": "encrypt"}, {"overlap": -1}):
        acme.error("key.import", name="k", algorithm="HS256", key=MATERIAL, **fields)
    acme.error("key.import", name="k", algorithm="HS256", key=MATERIAL, secret="x")
    acme.conn.call("sys.ping")
    assert outside_locked(vault) == []
    acme.close()


def test_a_half_sent_import_leaves_nothing_behind(vault):
    from lib import encode

    vault.new_tenant("acme").close()
    frame = encode.request(
        1, "key.import", {"tenant": "acme", "name": "k", "key": MATERIAL, "algorithm": "HS256"}
    )
    with vault.app() as app:
        app.send_raw(frame[:-3])
        app.shut_write()
        while app.sock.recv(4096):
            pass
    vault.assert_alive()
    assert outside_locked(vault) == []


def test_every_thread_is_confined(shared):
    threads = memory.threads(shared.pid)
    assert threads
    for thread in threads:
        assert thread["NoNewPrivs"].strip() == "1", thread["Name"]
        assert thread["Seccomp"].strip() == "2", thread["Name"]


def test_there_is_no_core(shared):
    limits = pathlib.Path(f"/proc/{shared.pid}/limits").read_text()
    line = next(l for l in limits.splitlines() if l.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


def test_status_tells_what_is_enforced(admin):
    status = admin.call("sys.status")
    assert "landlock" in status["sandbox"].lower() and "seccomp" in status["sandbox"].lower()
    for text in (status["sandbox"], status["memory_lock"]):
        assert (
            text
            and "off" not in text.lower()
            and "unlocked" not in text.lower()
            and "none" not in text.lower()
        )


def test_the_sandbox_can_be_turned_off_and_says_so(new_vault):
    vault = new_vault('sandbox = "off"').start()
    vault.init()
    assert "off" in vault.status()["sandbox"]
    vault.restart()


def test_memory_that_can_be_read_holds_no_key_of_the_store(vault):
    """The memory is either unreadable (memfd_secret) or locked: no large unlocked copy of a public
    key's private half."""
    acme = vault.new_tenant("acme")
    acme.call("key.import", name="ed", algorithm="EdDSA", key=SEED)
    expanded = SEED + jose.public_of(SEED)
    assert not [hit for hit in memory.find(vault.pid, [expanded]) if not hit[2]]
    acme.close()


def test_idle_memory_is_small(vault):
    with vault.admin() as admin:
        admin.call_many([("tenant.create", {"tenant": f"t{i:04}"}) for i in range(1000)])
    vault.restart()
    vault.status()
    if "san" not in os.environ.get("VAULTD_BUILD", ""):
        assert memory.rss_kib(vault.pid) < 32 * 1024


def test_no_descriptor_leaks(vault):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    before = memory.fds(vault.pid)
    for _ in range(200):
        with vault.app() as app:
            app.call("key.sign", tenant="acme", name="k", message=b"m")
    for _ in range(5):
        vault.seal()
        vault.unseal()
    vault.status()
    assert memory.fds(vault.pid) <= before + 4
    acme.close()


@pytest.mark.parametrize("path", ["/proc/{}/environ", "/proc/{}/cmdline"])
def test_no_secret_on_the_command_line_or_in_the_environment(vault, path):
    data = pathlib.Path(path.format(vault.pid)).read_bytes()
    assert all(needle not in data for needle in NEEDLES)
