"""vaultd recover-owner with a slot's shares, from files and from a terminal."""

import os
import pty
import subprocess

import pytest

from lib.vault import BUILD, KEYFILE

DONE = "uid 12345 is an owner from the next start on"


@pytest.fixture
def stopped(new_vault):
    vault = new_vault().start()
    vault.shares = vault.init(shares=4, threshold=3)["shares"]
    vault.stop()
    return vault


def command(vault, *args):
    return [
        str(BUILD / "vaultd"),
        "recover-owner",
        *("--config", str(vault.config), "--state", str(vault.state), "--uid", "12345"),
        *args,
    ]


def files(vault, shares):
    args = []
    for n, text in enumerate(shares):
        path = vault.root / f"share-{n}"
        path.write_text(text + "\n")
        args += ["--share-file", str(path)]
    return args


def run(vault, *args):
    done = subprocess.run(
        command(vault, *args),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    assert not any(s in done.stdout + done.stderr for s in vault.shares)
    return done


def test_shares_from_files(stopped):
    done = run(stopped, *files(stopped, stopped.shares[1:]))
    assert (done.returncode, done.stdout.strip()) == (0, DONE), done
    stopped.start()
    for text in stopped.shares[:3]:
        stopped.unseal(share=text)
    stopped.verify_audit()


def test_shares_of_a_named_slot(stopped):
    args = files(stopped, stopped.shares[:3])
    assert run(stopped, "--slot", "none", *args).returncode == 2
    assert run(stopped, "--slot", "initial", *args).returncode == 0


@pytest.mark.parametrize(
    "pick,says",
    [
        (lambda s: s[:1], "2 more shares are needed"),
        (lambda s: s[:2], "1 more shares are needed"),
        (lambda s: s, "3 shares are needed, and no more"),
        (lambda s: [s[0], s[0], s[1]], "given already"),
        (lambda s: [s[0], s[1], s[2] + "x"], "mistyped"),
        (lambda s: ["", s[1], s[2]], "not the words of a share"),
    ],
)
def test_not_the_shares_it_takes(stopped, pick, says):
    done = run(stopped, *files(stopped, pick(stopped.shares)))
    assert done.returncode == 1 and says in done.stderr, done
    assert run(stopped, *files(stopped, stopped.shares[:3])).returncode == 0, "nothing was counted"


def test_shares_of_another_vault(stopped, new_vault):
    other = new_vault().start().init(shares=3, threshold=3)["shares"]
    done = run(stopped, *files(stopped, [stopped.shares[0], *other[1:]]))
    assert done.returncode == 1 and "not of the same slot" in done.stderr
    for _ in range(5):
        done = run(stopped, *files(stopped, other))
        assert done.returncode == 2 and "no slot opens" in done.stderr
    done = run(stopped, *files(stopped, stopped.shares[:3]))
    assert done.returncode == 2 and "locked" in done.stderr


def test_one_kind_only(stopped):
    (stopped.root / "key").write_bytes(KEYFILE)
    for other in (["--keyfile", str(stopped.root / "key")], ["--shares"]):
        done = run(stopped, *files(stopped, stopped.shares[:3]), *other)
        assert done.returncode == 1 and "give one of" in done.stderr
    done = run(stopped, *files(stopped, stopped.shares[:1]) * 17)
    assert done.returncode == 1 and "16 shares at most" in done.stderr


def test_asked_one_after_the_other(stopped):
    """What is mistyped or given twice is asked for again; nothing is echoed."""
    a, b, _, d = stopped.shares
    answers = [("Share 1: ", "nonsense"), ("Share 1: ", a), ("Share 2 of 3: ", a)]
    answers += [("Share 2 of 3: ", d), ("Share 3 of 3: ", b)]
    pid, master = pty.fork()
    if pid == 0:
        argv = command(stopped, "--shares")
        os.execv(argv[0], argv)
    shown, at = b"", 0
    for prompt, answer in answers:
        while prompt.encode() not in shown[at:]:
            shown += os.read(master, 1024)
        at = len(shown)
        os.write(master, answer.encode() + b"\n")
    try:
        while data := os.read(master, 1024):
            shown += data
    except OSError:
        pass  # the end of a terminal
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 and DONE.encode() in shown
    assert b"mistyped" in shown and b"given already" in shown
    assert not any(s.encode() in shown for s in stopped.shares)
