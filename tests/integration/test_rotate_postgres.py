"""A PostgreSQL password that rotates while clients log in all the time: docs/examples/rotate-postgres."""

import glob
import os
import pathlib
import pwd
import shutil
import subprocess
import threading
import time

import pytest

from lib.rpc import Conn
from lib.vault import BUILD, REPO

EXAMPLE = REPO / "docs" / "examples" / "rotate-postgres"
PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
CLIENTS = 3


class Postgres:
    def __init__(self, root):
        user = pwd.getpwnam("postgres")
        self.data, self.sockets = root / "pg", root / "s"
        for path in (self.data, self.sockets):
            path.mkdir()
            os.chown(path, user.pw_uid, user.pw_gid)
        self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.run("initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-N")
        (self.data / "pg_hba.conf").write_text(
            "local all postgres trust\nlocal all all scram-sha-256\n"
        )
        self.log = root / "pg.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [
                    *self.prefix,
                    f"{PROGRAMS[-1]}/postgres",
                    "-D",
                    str(self.data),
                    "-k",
                    str(self.sockets),
                    *("-c", "listen_addresses="),
                    *("-c", "fsync=off"),
                    *("-c", "log_statement=all"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.env = dict(os.environ, PGHOST=str(self.sockets), PGDATABASE="postgres", PGUSER="postgres")
        for _ in range(200):
            if self.sql("SELECT 1", check=False) == 0:
                return
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def run(self, program, *args):
        subprocess.run(
            [*self.prefix, f"{PROGRAMS[-1]}/{program}", *map(str, args)],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def sql(self, text, check=True, **env):
        done = subprocess.run(
            ["psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-c", text],
            env={**self.env, **env},
            capture_output=True,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.returncode

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def postgres(vault):
    assert PROGRAMS, "PostgreSQL is missing: tools/setup.sh test"
    server = Postgres(vault.root)
    for text in (
        "CREATE ROLE app NOLOGIN",
        "CREATE ROLE app_0 LOGIN IN ROLE app",
        "CREATE ROLE app_1 LOGIN IN ROLE app",
    ):
        server.sql(text)
    yield server
    server.stop()


class Clients:
    """Log in all the time with what secret.get says at the moment."""

    def __init__(self, vault, postgres):
        self.vault, self.postgres = vault, postgres
        self.failed, self.versions, self.done = [], [], [0] * CLIENTS
        self.end = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(CLIENTS)]

    def run(self, n):
        with Conn(self.vault.app_path) as conn:
            while not self.end.is_set():
                secret = conn.call("secret.get", tenant="acme", name="db/app")
                code = self.postgres.sql(
                    "SELECT 1",
                    check=False,
                    PGUSER=f"app_{secret['version'] % 2}",
                    PGPASSWORD=secret["value"].decode(),
                )
                (self.failed if code else self.versions).append(secret["version"])
                self.done[n] += 1

    def settle(self):
        """Nobody still holds a password that was read before now: rotations are farther apart than that."""
        before = list(self.done)
        while any(now < then + 2 for now, then in zip(self.done, before)):
            time.sleep(0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.end.set()
        for thread in self.threads:
            thread.join()


def rotate(vault, postgres, hook, clients=None):
    if clients is not None:
        clients.settle()
    return subprocess.run(
        [BUILD / "vaultctl", "--socket", vault.app_path, "--tenant", "acme", "secret", "rotate", "db/app", "--exec", hook],
        env=postgres.env,
        capture_output=True,
        text=True,
        timeout=60,
    )


def script(vault, name, text):
    path = pathlib.Path(vault.root) / name
    path.write_text("#!/bin/sh\n" + text + "\n")
    path.chmod(0o755)
    return path


def current(acme):
    return acme.call("secret.describe", name="db/app")["current"]


def pending(acme):
    versions = acme.call("secret.describe", name="db/app")["versions"]
    return [v["version"] for v in versions if v["state"] == "pending"]


def test_no_log_in_fails(vault, postgres):
    hook = EXAMPLE / "hook"
    acme = vault.new_tenant("acme")
    acme.call("secret.put", name="db/app", value=b"", stage="pending")
    acme.call("secret.discard", name="db/app", version=1)
    acme.call("secret.policy", name="db/app", generator={"length": 40})
    first = rotate(vault, postgres, hook)
    assert first.returncode == 0, first.stderr
    with Clients(vault, postgres) as clients:
        # In good order.
        for _ in range(3):
            before = current(acme)
            done = rotate(vault, postgres, hook, clients)
            assert done.returncode == 0 and current(acme) == before + 1, done.stderr
        # The target refuses: the version is dropped, and the next two runs find their way.
        done = rotate(vault, postgres, script(vault, "refuses", "exit 1"), clients)
        assert done.returncode == 1 and not pending(acme) and current(acme) == before + 1
        done = rotate(vault, postgres, hook, clients)
        assert done.returncode == 0 and current(acme) == before + 4, done.stderr
        # Killed before the hook did anything, after it changed the target, and before it was promoted.
        for text in ("kill -9 $PPID", f"{hook}; kill -9 $PPID; sleep 0.2", f"{hook} || exit; kill -9 $PPID"):
            done = rotate(vault, postgres, script(vault, "killer", text), clients)
            assert done.returncode == -9 and len(pending(acme)) == 1
            version, before = pending(acme)[0], current(acme)
            done = rotate(vault, postgres, hook, clients)
            assert done.returncode == 0 and "going on with it" in done.stderr
            assert current(acme) == version > before and not pending(acme)
        # Killed while the version is one that would change the role in use.
        done = rotate(vault, postgres, script(vault, "refuses", "exit 1"), clients)
        done = rotate(vault, postgres, script(vault, "killer", "kill -9 $PPID"), clients)
        before = current(acme)
        assert pending(acme) == [before + 2]
        done = rotate(vault, postgres, hook, clients)
        assert done.returncode == 0 and current(acme) == before + 3, done.stderr
        clients.settle()
    assert clients.failed == [] and len(clients.versions) > 20
    assert len(set(clients.versions)) >= 8
    password = acme.call("secret.get", name="db/app")["value"].decode()
    assert len(password) == 40 and password not in postgres.log.read_text()
    # The other role's password is not this one.
    other = f"app_{(current(acme) + 1) % 2}"
    assert postgres.sql("SELECT 1", check=False, PGUSER=other, PGPASSWORD=password) != 0
    acme.close()


def test_the_example_logs_in(vault, postgres):
    acme = vault.new_tenant("acme")
    acme.call("secret.put", name="db/app", value=b"x", stage="pending")
    acme.call("secret.discard", name="db/app", version=1)
    assert rotate(vault, postgres, EXAMPLE / "hook").returncode == 0
    directory = script(vault, "vaultctl", f'exec {BUILD}/vaultctl --socket {vault.app_path} "$@"').parent
    done = subprocess.run(
        [EXAMPLE / "login", "-At", "-c", "SELECT session_user"],
        env={**postgres.env, "PATH": f"{directory}:{os.environ['PATH']}", "VAULTD_TENANT": "acme"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "app_0\n", done.stderr
    assert shutil.which("psql")
    acme.close()
