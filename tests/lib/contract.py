"""Who may do what, from the contract's words: written down once more, apart from ops.def's column of
roles, so that a mistake there shows. What a method takes and its class are ops.def's."""

import fnmatch
import json
import subprocess

from lib.vault import BUILD

# "role: what it holds, but: what not", as PROTOCOL.md has it.
ROLES = {
    "signer": (["token.sign", "webhook.sign"], []),
    "verifier": (["token.verify", "webhook.verify", "apikey.verify", "key.public"], []),
    "reader": (["secret.get", "secret.describe", "secret.list", "secret.watch"], []),
    "writer": (["secret.*"], ["secret.get"]),
    "crypto": (["crypto.*"], []),
    "raw-signer": (["key.sign", "key.verify"], []),
    "operator": (["sys.*", "tenant.*"], []),
    "security-admin": (["role.*", "grant.*", "policy.*"], []),
    "auditor": (["audit.*", "policy.explain", "*.list"], []),
    "backup": (["backup.*"], []),
    # All R and W of its tenants: see holds().
    "tenant-admin": (["*"], ["key.sign", "secret.get", "crypto.decrypt", "crypto.datakey"]),
    "owner": (["*"], []),
}
# What can carry the whole store away: nobody's but the owner's.
EXPORTS = {"slot.add", "tenant.export", "tenant.import", "totp.enroll"}
# Of no tenant, whatever they take.
NOBODYS = {"sys", "slot", "role", "grant", "policy", "auth", "totp", "backup"}

def rows():
    """What ops.def has, as the tool tells that the build makes its tables with."""
    out = subprocess.run([BUILD / "opsgen", "json"], capture_output=True, check=True).stdout
    return {m["method"]: m for m in json.loads(out)["methods"]}


ROWS = rows()


def fields_of(method):
    return {field["name"]: field for field in ROWS[method]["request"]}


def takes_tenant(method):
    return "tenant" in fields_of(method)


def matches(patterns, method):
    return any(fnmatch.fnmatchcase(method, p) for p in patterns)


def holds(role, method):
    """Whether the contract gives the role the method."""
    if role == "owner":
        return True
    if role is None or method in EXPORTS:
        return False
    allowed, but = ROLES[role]
    if role == "tenant-admin":
        family = method.split(".")[0]
        if ROWS[method]["class"] not in ("read", "write") or family in NOBODYS:
            return False
        if not takes_tenant(method):
            return False
    return matches(allowed, method) and not matches(but, method)
