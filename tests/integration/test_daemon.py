"""The process: its sockets, its options, how it starts and how it ends."""

import grp
import os
import socket
import stat
import subprocess
import time

import pytest

from lib.vault import BUILD, KEYFILE, Conn


def wait_unsealed(vault, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if vault.status()["sealed"] is False:
            return
        time.sleep(0.02)
    raise AssertionError(f"still sealed:\n{vault.log()}")


def test_unseal_keyfile_of_the_configuration(vault):
    keyfile = vault.config_dir / "unseal.key"
    keyfile.write_bytes(KEYFILE)
    keyfile.chmod(0o600)
    vault.write_config(f'unseal_keyfile = "{keyfile}"')
    vault.restart(unseal=False)
    wait_unsealed(vault)


def test_unseal_by_credentials_directory(vault):
    credentials = vault.root / "credentials"
    credentials.mkdir(mode=0o700)
    (credentials / "vaultd.key").write_bytes(KEYFILE)
    vault.env["CREDENTIALS_DIRECTORY"] = str(credentials)
    vault.restart(unseal=False)
    wait_unsealed(vault)


def test_a_wrong_key_file_leaves_it_sealed_and_running(vault):
    keyfile = vault.config_dir / "unseal.key"
    keyfile.write_bytes(b"wrong" * 8)
    keyfile.chmod(0o600)
    vault.write_config(f'unseal_keyfile = "{keyfile}"')
    vault.restart(unseal=False)
    time.sleep(0.3)
    assert vault.status()["sealed"] is True
    assert vault.unseal() == {"sealed": False}


def test_the_sockets_modes(shared):
    for path, mode in ((shared.app_path, 0o660), (shared.admin_path, 0o600)):
        found = os.stat(path)
        assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == mode, path
        assert found.st_uid == 0


def test_the_sockets_groups(new_vault):
    vault = new_vault('app_group = "games"\nadmin_group = "users"').start()
    for path, group in ((vault.app_path, "games"), (vault.admin_path, "users")):
        found = os.stat(path)
        assert stat.S_IMODE(found.st_mode) == 0o660
        assert grp.getgrgid(found.st_gid).gr_name == group


def test_the_store_and_the_audit_are_where_they_should_be(vault):
    assert any((vault.state / "store").iterdir()) and any((vault.state / "audit").iterdir())
    for path in vault.state.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_clean_stop_leaves_no_socket(blank):
    blank.stop()
    with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
        Conn(blank.app_path)


def test_a_dead_daemons_socket_is_replaced(vault):
    vault.kill()
    assert os.path.exists(vault.app_path)
    vault.start_again()
    vault.assert_alive()


def test_what_is_no_socket_is_not_removed(new_vault):
    vault = new_vault()
    (vault.runtime / "vaultd.sock").write_text("mine")
    vault.spawn()
    assert vault.process.wait(10) != 0
    assert (vault.runtime / "vaultd.sock").read_text() == "mine"


def test_a_living_socket_is_not_replaced(new_vault):
    vault = new_vault()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(vault.app_path)
        listener.listen()
        vault.spawn()
        assert vault.process.wait(10) != 0
        assert os.path.exists(vault.app_path)


def test_two_daemons_on_one_state(vault, new_vault):
    other = new_vault(root=vault.root)
    other.runtime = vault.root / "run2"
    other.runtime.mkdir()
    other.log_path = vault.root / "log2"
    other.spawn()
    assert other.process.wait(15) != 0, "the second must refuse"
    vault.assert_alive()
    vault.new_tenant("acme").key("k")
    vault.verify_audit()


def run(*args):
    return subprocess.run(
        [str(BUILD / "vaultd"), *args], capture_output=True, text=True, timeout=30, check=False
    )


def test_version():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.strip()


def test_check_config(tmp_path):
    good, bad = tmp_path / "good.conf", tmp_path / "bad.conf"
    good.write_text("")
    bad.write_text("no_such_option = 1\n")
    assert run("--check-config", "--config", str(good)).returncode == 0
    done = run("--check-config", "--config", str(bad))
    assert done.returncode == 1 and "no_such_option" in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["--no-such-option"],
        ["--config"],
        ["--state", "/x", "extra"],
        ["--config", "/nonexistent/vaultd.conf"],
    ],
)
def test_wrong_usage(args):
    done = run(*args)
    assert done.returncode == 1 and done.stderr


def test_a_bad_configuration_does_not_start(new_vault):
    for line in ("no_such_option = 1", 'app_group = "no-such-group-here"', "app_group = ", "}"):
        vault = new_vault(line)
        vault.spawn()
        assert vault.process.wait(10) in (1, 2), line
        assert not os.path.exists(vault.app_path)


def test_sigterm_answers_what_is_in_flight(vault):
    acme = vault.new_tenant("acme")
    ids = [
        acme.conn.start("key.create", acme.fields(name=f"k{i}", algorithm="HS256"))
        for i in range(200)
    ]
    acme.conn.wait(ids[0])
    vault.stop()
    answered = 0
    for i in range(1, 200):
        try:
            acme.conn.wait(ids[i])
            answered = i
        except EOFError:
            break
    vault.start_again()
    acme.close()
    acme.conn = vault.app()
    for i in range(answered + 1):
        assert acme.call("key.get", name=f"k{i}")["current"] == 1
    acme.close()
    vault.verify_audit()


def test_sigterm_while_clients_are_connected_and_idle(vault):
    idle = [vault.app() for _ in range(20)]
    half = vault.app()
    half.send_raw(b"\x94\x00\x01")
    started = time.monotonic()
    vault.stop()
    assert time.monotonic() - started < 5
    for conn in idle + [half]:
        conn.close()


def test_sigterm_while_sealed(vault):
    vault.seal()
    vault.stop()
    vault.start_again()


def test_sighup_does_not_disturb(vault):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    vault.process.send_signal(1)
    for _ in range(20):
        acme.call("key.sign", name="k", message=b"m")
    vault.assert_alive()
    acme.close()


def test_it_starts_fast(vault):
    vault.stop()
    started = time.monotonic()
    vault.start()
    assert time.monotonic() - started < 2
    vault.unseal()


def test_it_removes_nothing_it_did_not_make(vault):
    for directory in (vault.runtime, vault.state):
        (directory / "mine").write_text("mine")
    vault.restart()
    assert (vault.runtime / "mine").read_text() == (vault.state / "mine").read_text() == "mine"


def test_notify_socket_is_told(new_vault):
    vault = new_vault()
    path = str(vault.root / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(10)
        vault.env["NOTIFY_SOCKET"] = path
        vault.start()
        assert b"READY=1" in notify.recv(4096)
        vault.stop()
        assert b"STOPPING=1" in notify.recv(4096)


ACTIVATE = """
import os, socket, sys
for n, path in enumerate(sys.argv[1:3]):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    os.dup2(s.fileno(), 30 + n)
for n in range(2):
    os.dup2(30 + n, 3 + n)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="vaultd:admin")
os.execv(sys.argv[3], sys.argv[3:])
"""


def test_socket_activation(new_vault):
    vault = new_vault()
    command = vault.command()
    paths = [vault.app_path, vault.admin_path]
    vault.command = lambda: ["/usr/bin/python3", "-c", ACTIVATE, *paths, *command]
    vault.start()
    vault.init()
    with vault.app() as app:
        assert app.call("sys.hello")["principal"] == "uid:0"
        assert app.error("sys.seal").code == "denied"
    vault.stop()
    assert os.path.exists(vault.app_path), "sockets that were handed in are the manager's"
