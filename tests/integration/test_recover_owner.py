"""vaultd recover-owner: the way back for who has a slot's secret and no grant."""

import os
import pty
import shutil
import subprocess
import time

import pytest

from lib import other
from lib.vault import BUILD, KEYFILE

UID, GID = 12345, 100  # nobody in particular, in group users
DAEMON = (12399, 12399)
PASSPHRASE = b"a right passphrase"
OPEN = 'app_group = "users"\nadmin_group = "users"'
WRONG = b"wrong secret " * 3
LIST = [("tenant.list", {})]


def command(vault, *args):
    return [
        str(BUILD / "vaultd"),
        "recover-owner",
        *("--config", str(vault.config), "--state", str(vault.state)),
        *args,
    ]


def recover(vault, *args, user=None, **options):
    """Runs it to its end; what it wrote may hold no secret."""
    argv = command(vault, *args)
    if user is not None:
        # The tree may lie where that user cannot go.
        argv = ["setpriv", f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups"] + argv
        argv[4] = str(vault.root / "vaultd")
    options.setdefault("stdin", subprocess.DEVNULL)
    # Without a terminal, so that nothing waits for an answer.
    done = subprocess.run(
        argv, capture_output=True, timeout=60, check=False, start_new_session=True, **options
    )
    for secret in (KEYFILE, KEYFILE.hex().encode(), PASSPHRASE, WRONG):
        assert secret not in done.stdout + done.stderr
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def refused(vault, *args, status=2, says=None, **options):
    done = recover(vault, *args, **options)
    assert done.returncode == status, done
    assert done.stdout == "" and done.stderr != "", done
    assert says is None or says in done.stderr, done
    return done


@pytest.fixture
def secret_file(tmp_path):
    def make(data, name="secret"):
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(0o600)
        return str(path)

    return make


@pytest.fixture
def keyfile(secret_file):
    return ("--keyfile", secret_file(KEYFILE, "key"))


@pytest.fixture
def wrong(secret_file):
    return ("--keyfile", secret_file(WRONG, "wrong"))


def stopped_vault(new_vault, config="", user=None, **secret):
    vault = new_vault(config, user=user).start()
    vault.init(**secret)
    vault.stop()
    return vault


@pytest.fixture
def stopped(new_vault):
    return stopped_vault(new_vault)


def records(vault, **filters):
    with vault.admin() as admin:
        return admin.pages("audit.query", 1000, method="recover-owner", order="oldest", **filters)


def listing(vault):
    """What there is below the state, with owner and mode."""
    found = {}
    for path in [vault.state, *sorted(vault.state.rglob("*"))]:
        st = path.lstat()
        found[str(path.relative_to(vault.state))] = (st.st_mode, st.st_uid, st.st_gid)
    return found


def may_list(vault, uid=UID, gid=GID):
    (reply,) = other.call_as(uid, gid, vault.admin_path, LIST)
    assert reply["error"] is None or reply["error"]["code"] == "denied", reply
    return reply["error"] is None


def test_a_user_without_a_grant_gets_it(new_vault, keyfile):
    vault = new_vault(OPEN).start()
    vault.init()
    assert not may_list(vault)
    vault.stop()
    done = recover(vault, *keyfile, "--uid", str(UID))
    assert done.returncode == 0, done
    assert done.stdout == f"uid {UID} is an owner from the next start on\n"
    vault.start_again()
    assert may_list(vault)
    assert not may_list(vault, UID + 1), "and nobody else"
    vault.verify_audit()


def test_with_a_passphrase(new_vault, secret_file):
    vault = stopped_vault(new_vault, OPEN, passphrase=PASSPHRASE)
    path = secret_file(PASSPHRASE + b"\n")
    assert recover(vault, "--passphrase-file", path, "--uid", str(UID)).returncode == 0
    vault.start()
    vault.unseal(passphrase=PASSPHRASE)
    assert may_list(vault)


def test_only_one_newline_does_not_count(new_vault, secret_file):
    vault = stopped_vault(new_vault, passphrase=PASSPHRASE)
    refused(vault, "--passphrase-file", secret_file(PASSPHRASE + b"\n\n"), says="no slot opens")


def test_a_secret_from_a_pipe(stopped):
    read, write = os.pipe()
    with subprocess.Popen(["sh", "-c", "head -c 20; sleep 0.2; cat"], stdin=read, stdout=-1) as cut:
        os.close(read)
        os.write(write, KEYFILE)
        os.close(write)
        done = recover(stopped, "--keyfile", "/dev/stdin", stdin=cut.stdout)
    assert done.returncode == 0, done


def test_the_slot_can_be_named(stopped, keyfile):
    refused(stopped, *keyfile, "--slot", "other", says="there is no such slot")
    assert recover(stopped, *keyfile, "--slot", "initial").returncode == 0
    stopped.start_again()
    assert len(records(stopped)) == 1


def test_an_unknown_slot_is_no_wrong_secret(stopped, wrong, keyfile):
    for _ in range(6):
        refused(stopped, *wrong, "--slot", "other", says="there is no such slot")
    assert recover(stopped, *keyfile).returncode == 0


def test_root_is_an_owner_already(stopped, keyfile):
    done = recover(stopped, *keyfile)
    assert done.returncode == 0
    assert done.stdout == "uid 0 is an owner already; nothing was changed\n"


def test_a_second_run_changes_nothing(stopped, keyfile):
    for says in ("from the next start on", "already; nothing was changed"):
        done = recover(stopped, *keyfile, "--uid", str(UID))
        assert done.returncode == 0 and says in done.stdout
    stopped.start_again()
    assert [r.get("reason") for r in records(stopped)] == [None, "unchanged"]
    stopped.verify_audit()


def test_it_is_audited(stopped, keyfile):
    before = int(time.time())
    assert recover(stopped, *keyfile, "--uid", str(UID)).returncode == 0
    stopped.start_again()
    (found,) = records(stopped)
    assert before <= found.pop("time") <= time.time() and found.pop("seq") > 0
    assert found.pop("pid") not in (0, stopped.pid)
    assert found == {
        "uid": 0,
        "gid": 0,
        "method": "recover-owner",
        "name": f"uid:{UID}",
        "outcome": "ok",
    }
    assert records(stopped, name=f"uid:{UID}") and not records(stopped, name="uid:0")
    assert records(stopped, principal="uid:0") and not records(stopped, principal=f"uid:{UID}")
    assert not records(stopped, outcome="denied")
    with stopped.admin() as admin:
        everything = admin.pages("audit.query", 1000)
        assert "recover-owner" in {r["method"] for r in everything}
        assert "recover-owner" not in {
            r["method"] for r in admin.pages("audit.query", 1000, method="sys.*")
        }
    stopped.verify_audit()


def test_the_audit_ends_cleanly(stopped, keyfile):
    recover(stopped, *keyfile, "--uid", str(UID))
    stopped.start_again()
    assert "not stopped cleanly" not in stopped.log()


def test_after_a_crash_of_the_daemon(new_vault, keyfile):
    vault = new_vault(OPEN).start()
    vault.init()
    vault.new_tenant("acme").close()
    vault.kill()
    assert recover(vault, *keyfile, "--uid", str(UID)).returncode == 0
    vault.start_again()
    assert may_list(vault)
    vault.verify_audit()


def test_not_while_a_daemon_runs(vault, keyfile):
    refused(vault, *keyfile, says="stop the daemon first")
    vault.seal()
    refused(vault, *keyfile, says="stop the daemon first")
    assert vault.unseal() == {"sealed": False}
    assert records(vault) == []


def test_a_wrong_secret_counts_and_locks(stopped, wrong, keyfile):
    for _ in range(5):
        refused(stopped, *wrong, says="no slot opens with this secret")
    refused(stopped, *keyfile, says="locked after five wrong secrets")
    stopped.start()
    with stopped.admin() as admin:
        assert admin.error("sys.unseal", keyfile=KEYFILE).code == "locked"


def test_failures_of_the_daemon_count_here(vault, wrong, keyfile):
    vault.seal()
    with vault.admin() as admin:
        for _ in range(4):
            assert admin.error("sys.unseal", keyfile=WRONG).code == "denied"
    vault.stop()
    refused(vault, *wrong, says="no slot opens with this secret")
    refused(vault, *keyfile, says="locked after five wrong secrets")


def test_the_right_secret_forgets_failures(stopped, wrong, keyfile):
    for _ in range(4):
        refused(stopped, *wrong)
    assert recover(stopped, *keyfile).returncode == 0
    refused(stopped, *wrong)
    assert recover(stopped, *keyfile).returncode == 0


def test_a_wrong_secret_changes_nothing(stopped, wrong):
    def content():
        return {
            p: p.read_bytes()
            for p in stopped.state.rglob("*")
            if p.is_file() and p.name not in ("lock.mdb", "unseal.failures")
        }

    before = content()
    refused(stopped, *wrong, "--uid", str(UID))
    assert content() == before


def test_nobody_has_initialised_it(blank, keyfile):
    blank.stop()
    refused(blank, *keyfile, says="there is no vault in")


@pytest.mark.parametrize("make", [True, False])
def test_a_directory_that_holds_no_vault(new_vault, keyfile, make):
    vault = new_vault()
    if not make:
        vault.state.rmdir()
    refused(vault, *keyfile, says="there is no ")
    assert not vault.state.exists() or {p.name for p in vault.state.iterdir()} <= {"lock"}
    assert vault.state.exists() == make


@pytest.mark.parametrize(
    "uid", ["", "root", "-1", "+1", " 1", "1 ", "0x10", "1.5", "65534", "4294967295", "9" * 30]
)
def test_a_bad_uid(stopped, keyfile, uid):
    refused(stopped, *keyfile, f"--uid={uid}", status=1, says="not the number of a user")


def test_a_large_uid(new_vault, keyfile):
    vault = stopped_vault(new_vault, OPEN)
    assert recover(vault, *keyfile, "--uid", "4294967294").returncode == 0
    vault.start_again()
    assert may_list(vault, 4294967294)


@pytest.mark.parametrize(
    "args",
    [
        ["--bogus"],
        ["uid", "3"],
        ["--uid"],
        ["--slot", "no name"],
        ["--keyfile", "a", "--passphrase-file", "b"],
        ["--passphrase", "visible"],
    ],
)
def test_wrong_usage(stopped, args):
    refused(stopped, *args, status=1, says="vaultd recover-owner --help")


def test_files_that_cannot_be_the_secret(stopped, secret_file):
    for path in ("/nonexistent/key", secret_file(b"", "empty"), secret_file(b"x" * 4097, "long")):
        refused(stopped, "--keyfile", path, status=1, says="cannot be read, is empty or is longer")
    refused(stopped, "--passphrase-file", secret_file(b"\n"), status=1)


def test_without_a_terminal_there_is_nobody_to_ask(stopped):
    refused(stopped, status=1, says="no terminal to ask on")


def test_a_configuration_with_errors(stopped, keyfile):
    stopped.write_config("bogus = 1")
    refused(stopped, *keyfile, status=1)


def on_a_terminal(vault, answer, *args):
    """Its exit status, and what stood on the terminal."""
    pid, master = pty.fork()
    if pid == 0:
        argv = command(vault, *args)
        os.execv(argv[0], argv)
    shown = b""
    while b"Passphrase: " not in shown:
        shown += os.read(master, 1024)
    os.write(master, answer)
    try:
        while data := os.read(master, 1024):
            shown += data
    except OSError:
        pass  # the end of a terminal
    os.close(master)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_a_prompt_without_echo(new_vault):
    vault = stopped_vault(new_vault, passphrase=PASSPHRASE)
    status, shown = on_a_terminal(vault, PASSPHRASE + b"\n", "--uid", str(UID))
    assert status == 0 and b"is an owner from the next start on" in shown
    assert PASSPHRASE not in shown and PASSPHRASE[:4] not in shown
    status, shown = on_a_terminal(vault, b"something else\n")
    assert status == 2 and b"no slot opens" in shown and b"something else" not in shown
    for given_up in (b"\n", b"\x03"):
        status, shown = on_a_terminal(vault, given_up)
        assert status == 1 and b"nothing was entered" in shown


def test_who_is_locked_out_is_not_asked(new_vault, wrong):
    vault = stopped_vault(new_vault, passphrase=PASSPHRASE)
    for _ in range(5):
        refused(vault, *wrong)
    refused(vault, says="locked after five wrong secrets")


def test_files_stay_the_daemons_own(new_vault, keyfile, wrong):
    """Root leaves nothing behind that the daemon's user could not read."""
    vault = stopped_vault(new_vault, user=DAEMON)
    before = listing(vault)
    assert all((uid, gid) == DAEMON for _, uid, gid in before.values())
    refused(vault, *wrong)
    assert listing(vault)["unseal.failures"] == (0o100600, *DAEMON)
    assert recover(vault, *keyfile, "--uid", str(UID)).returncode == 0
    after = listing(vault)
    assert {k: v for k, v in after.items() if k in before} == before
    assert all((uid, gid) == DAEMON for _, uid, gid in after.values())
    assert all(mode & 0o077 == 0 for mode, *_ in after.values())
    vault.start()
    assert vault.unseal() == {"sealed": False}
    (found,) = records(vault)
    assert (found["uid"], found["gid"]) == (0, 0), "who ran it, not whom it ran as"


def test_the_daemons_own_user_may_run_it(new_vault):
    vault = stopped_vault(new_vault, user=DAEMON)
    key = vault.root / "key"
    key.write_bytes(KEYFILE)
    os.chown(key, *DAEMON)
    args = ("--keyfile", str(key), "--uid", str(UID))
    assert recover(vault, *args, user=DAEMON).returncode == 0
    vault.start()
    vault.unseal()
    assert [r["uid"] for r in records(vault)] == [DAEMON[0]]


def test_somebody_else_may_not(new_vault):
    vault = stopped_vault(new_vault, user=DAEMON)
    key = vault.root / "key"
    key.write_bytes(KEYFILE)
    key.chmod(0o644)
    refused(vault, "--keyfile", str(key), user=(UID, GID))


def test_help_names_it():
    shown = subprocess.run(
        [BUILD / "vaultd", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "recover-owner" in shown
    for option in ("--help", "-h"):
        own = subprocess.run(
            [BUILD / "vaultd", "recover-owner", option], capture_output=True, text=True, check=True
        )
        assert own.stdout.startswith("usage: vaultd recover-owner") and own.stderr == ""


def test_an_unknown_command():
    for argv in (["recover"], ["--state", "/nonexistent", "recover-owner"]):
        done = subprocess.run([BUILD / "vaultd", *argv], capture_output=True, check=False)
        assert done.returncode == 1 and done.stdout == b""


def test_it_is_confined(new_vault, keyfile):
    """The same sandbox as the daemon's: a kernel that lacks a part is told of."""
    vault = stopped_vault(new_vault)
    assert shutil.which("strace"), "strace is missing: tools/setup.sh test"
    trace = vault.root / "trace"
    argv = ["strace", "-f", "-o", str(trace), "-e", "trace=seccomp,landlock_restrict_self,openat"]
    done = subprocess.run(
        argv + command(vault, *keyfile, "--uid", str(UID)), capture_output=True, check=False
    )
    assert done.returncode == 0, done
    lines = trace.read_text().splitlines()
    entered = max(n for n, line in enumerate(lines) if "seccomp(" in line)
    assert any("landlock_restrict_self" in line for line in lines[:entered])
    assert any("/audit" in line for line in lines[entered:]), "the audit opens in the sandbox"




def test_a_passphrase_on_the_command_line_is_refused_and_not_repeated(stopped):
    for args in (["--passphrase", "visible-secret"], ["--passphrase=visible-secret"]):
        done = refused(stopped, *args, status=1, says="a file or a prompt only")
        assert "visible-secret" not in done.stderr
