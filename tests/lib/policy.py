"""Users who hold grants: real ones, each of a uid and a group that nobody else has."""

import itertools

from lib import other
from lib.rpc import VaultError
from lib.vault import Vault

SOCKETS_GROUP = 100  # "users", to whom both sockets are open
CONFIG = 'app_group = "users"\nadmin_group = "users"'

ALL = ["*"]

_numbers = itertools.count(1)


class Stage:
    """An unsealed vault that every user may connect to, and root, who grants."""

    def __init__(self):
        self.vault = Vault(CONFIG)
        try:
            self.vault.start()
            self.vault.init()
            self.root = self.vault.admin()
        except BaseException:
            self.vault.close()
            raise

    def close(self):
        self.root.close()
        self.vault.close()

    def tenant(self, name=None):
        """A new tenant with a key k and a profile p on it."""
        name = name or f"t{next(_numbers)}x"
        self.root.call("tenant.create", tenant=name)
        self.root.call("key.create", tenant=name, name="k", algorithm="HS256")
        self.root.call("profile.put", tenant=name, name="p", key="k")
        return name

    def grant(self, principal, role, tenants=("*",), **conditions):
        """The id of a grant that root gives."""
        fields = {"principal": str(principal), "role": role, "tenants": list(tenants)}
        return self.root.call("grant.put", **fields, **conditions)["grant"]

    def drop(self, grant):
        self.root.call("grant.delete", grant=grant)

    def role(self, *methods):
        name = f"role-{next(_numbers)}"
        self.root.call("role.put", role=name, methods=list(methods))
        return name

    def user(self, groups=()):
        return User(self.vault, 20000 + next(_numbers), groups)

    def has(self, method):
        return any(item["name"] == method for item in self.root.call("sys.methods")["items"])


class User:
    """Somebody without a grant, until one is given to str(user)."""

    def __init__(self, vault, uid, groups=()):
        self.vault, self.uid, self.gid = vault, uid, uid + 10000
        self.groups = (SOCKETS_GROUP, *groups)

    def __str__(self):
        return f"uid:{self.uid}"

    def connect(self, path):
        return other.connected_by(self.uid, self.gid, path, self.groups)

    def app(self):
        return self.connect(self.vault.app_path)

    def admin(self):
        return self.connect(self.vault.admin_path)


def security_admin(stage, tenants=("*",), may_grant=("*",), groups=(), **conditions):
    """A user who may grant, and his connection to admin.sock."""
    user = stage.user(groups)
    stage.grant(user, "security-admin", tenants, may_grant=list(may_grant), **conditions)
    return user, user.admin()


def give(conn, principal, role="signer", tenants=("*",), **conditions):
    """The code that grant.put answers, or "ok"."""
    fields = {"principal": str(principal), "role": role, "tenants": list(tenants), **conditions}
    return code(conn, "grant.put", fields)


def code(conn, method, fields):
    try:
        conn.call_map(method, fields)
    except VaultError as e:
        return e.code
    return "ok"


def sign(conn, tenant, profile="p"):
    return code(conn, "token.sign", {"tenant": tenant, "profile": profile, "subject": "s"})
