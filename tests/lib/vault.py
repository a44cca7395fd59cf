"""A daemon of one's own, in a fresh temporary directory."""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from lib.rpc import Conn, VaultError

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VAULTD_BUILD", REPO / "build")).resolve()
# The secret of every vault that a test does not say otherwise for; no pattern that stands elsewhere in a memory.
KEYFILE = hashlib.sha512(b"the tests' key file").digest()
START_SECONDS = 20
STOP_SECONDS = 20
# What must never stand in a log, whatever the build.
ALARMS = (
    "ERROR: AddressSanitizer",
    "ERROR: LeakSanitizer",
    "WARNING: ThreadSanitizer",
    "runtime error:",
    "Assertion",
    "stack smashing",
    "double free",
    "corrupted",
)


class Vault:
    """start() makes the sockets answer; what they answer is up to init() and unseal()."""

    def __init__(self, config="", user=None, env=None, root=None):
        self.root = pathlib.Path(root or tempfile.mkdtemp(prefix="vt-"))
        self.own_root = root is None
        self.state, self.runtime = self.root / "state", self.root / "run"
        self.config_dir = self.root / "etc"
        self.config = self.config_dir / "vaultd.conf"
        self.log_path = self.root / "log"
        self.user = user  # (uid, gid) where not root
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self._make_directories()
        self.write_config(config)

    def _make_directories(self):
        self.root.chmod(0o755)
        for path, mode in ((self.state, 0o700), (self.runtime, 0o755), (self.config_dir, 0o755)):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
            if self.user is not None:
                os.chown(path, *self.user)

    def write_config(self, lines):
        self.config.write_text(lines + "\n" + os.environ.get("VAULTD_CONFIG_LINES", "") + "\n")

    @property
    def app_path(self):
        return str(self.runtime / "vaultd.sock")

    @property
    def admin_path(self):
        return str(self.runtime / "admin.sock")

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        binary = BUILD / "vaultd"
        prefix = []
        if self.user is not None:
            # The tree may lie where that user cannot go.
            binary = shutil.copy(binary, self.root / "vaultd")
            prefix = [
                "setpriv",
                f"--reuid={self.user[0]}",
                f"--regid={self.user[1]}",
                "--clear-groups",
            ]
        return prefix + [
            str(binary),
            "--config",
            str(self.config),
            "--state",
            str(self.state),
            "--runtime",
            str(self.runtime),
        ]

    def spawn(self):
        """Starts the process and does not wait."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env
            )
        return self

    def start(self):
        self.spawn()
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert (
                self.process.poll() is None
            ), f"vaultd ended with {self.process.returncode}:\n{self.log()}"
            try:
                with Conn(self.admin_path) as admin:
                    admin.call("sys.ping")
                with Conn(self.app_path) as app:
                    app.call("sys.ping")
                return self
            except (FileNotFoundError, ConnectionRefusedError, EOFError):
                time.sleep(0.005)
        raise AssertionError(f"vaultd does not answer:\n{self.log()}")

    def app(self, **options):
        return Conn(self.app_path, **options)

    def admin(self, **options):
        return Conn(self.admin_path, **options)

    def admin_call(self, method, /, **fields):
        with self.admin() as admin:
            return admin.call(method, **fields)

    def init(self, **secret):
        return self.admin_call("sys.init", **(secret or {"keyfile": KEYFILE}))

    def unseal(self, **secret):
        return self.admin_call("sys.unseal", **(secret or {"keyfile": KEYFILE}))

    def seal(self):
        return self.admin_call("sys.seal")

    def status(self):
        return self.admin_call("sys.status")

    def new_tenant(self, name):
        self.admin_call("tenant.create", tenant=name)
        return Tenant(self, name)

    def verify_audit(self):
        """Nothing was removed from the audit, and the store is what the daemon left."""
        answer = self.admin_call("audit.verify")
        assert answer["ok"] is True and "broken" not in answer, answer
        self.check_store()
        return answer

    def check_store(self):
        answer = self.admin_call("sys.check")
        assert answer["ok"] is True and "differs" not in answer, answer
        return answer

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def check_log(self):
        text = self.log()
        for alarm in ALARMS:
            assert alarm not in text, text[-8000:]

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def assert_alive(self):
        assert self.alive(), f"vaultd ended with {self.process.returncode}:\n{self.log()[-8000:]}"
        with self.app() as app:
            assert app.call("sys.ping")["time"] > 0

    def stop(self):
        """SIGTERM: it must answer what is in flight, flush and exit 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        assert code == 0, f"exit {code}:\n{self.log()[-8000:]}"
        self.check_log()

    def kill(self):
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def restart(self, unseal=True):
        self.stop()
        return self.start_again(unseal)

    def start_again(self, unseal=True):
        self.start()
        if unseal:
            self.unseal()
        return self

    def close(self):
        """Ends it whatever its state, looks at its log, and leaves nothing behind."""
        try:
            if self.alive():
                self.stop()
            self.check_log()
        finally:
            if self.alive():
                self.kill()
            self.keep_log()
            if self.own_root:
                shutil.rmtree(self.root, ignore_errors=True)

    def keep_log(self):
        """For a look at them afterwards: VAULTD_KEEP_LOGS names a directory."""
        directory = os.environ.get("VAULTD_KEEP_LOGS")
        if directory and self.log_path.exists():
            shutil.copy(self.log_path, pathlib.Path(directory) / f"{self.root.name}.log")


class Tenant:
    """A tenant and a connection of its own; every call carries its name."""

    def __init__(self, vault, name):
        self.vault, self.name = vault, name
        self.conn = vault.app()

    def call(self, method, /, **fields):
        return self.conn.call_map(method, {"tenant": self.name, **fields})

    def error(self, method, /, **fields):
        return self.conn.error_map(method, {"tenant": self.name, **fields})

    def fields(self, **fields):
        return {"tenant": self.name, **fields}

    def pages(self, method, limit, /, **fields):
        return self.conn.pages(method, limit, tenant=self.name, **fields)

    def key(self, name="k", algorithm="HS256", **fields):
        return self.call("key.create", name=name, algorithm=algorithm, **fields)

    def import_hs(self, key, name="k", algorithm="HS256", **fields):
        return self.call("key.import", name=name, algorithm=algorithm, key=key, **fields)

    def profile(self, name="p", key="k", **fields):
        return self.call("profile.put", name=name, key=key, **fields)

    def sign(self, profile="p", **fields):
        fields.setdefault("subject", "learner-42")
        return self.call("token.sign", profile=profile, **fields)

    def verify(self, token, profile="p", **fields):
        return self.call("token.verify", profile=profile, token=token, **fields)

    def reason(self, token, profile="p", **fields):
        """Why a token is not valid; nothing else may be told about it."""
        answer = self.verify(token, profile, **fields)
        assert answer["valid"] is False, answer
        return answer["reason"]

    def records(self, **filters):
        """The tenant's audit records, oldest first."""
        with self.vault.admin() as admin:
            return admin.pages("audit.query", 1000, tenant=self.name, order="oldest", **filters)

    def close(self):
        self.conn.close()


__all__ = ["BUILD", "KEYFILE", "REPO", "Conn", "Tenant", "Vault", "VaultError"]
