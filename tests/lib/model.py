"""What a vault must answer, worked out in Python: grants, roles, keys, profiles and tokens of a few
tenants. Nothing here looks at what the daemon answered but for the ids that it chose."""

import dataclasses
import json

from lib import jose
from lib.contract import ROLES, ROWS, holds

BUILT_IN = {role: {m for m in ROWS if holds(role, m)} for role in ROLES}
LITERAL_ONLY = {m for m in ROWS if "exports" in ROWS[m]["flags"]}


def covers(outer, inner):
    """Whether the pattern matches whatever the other does."""
    if not outer.endswith("*"):
        return outer == inner
    return inner.removesuffix("*").startswith(outer[:-1])


def all_covered(outer, inner):
    return all(any(covers(o, i) for o in outer) for i in inner)


def hit(patterns, text):
    """Where there is nothing to match, only a pattern for everything does."""
    return any(
        (text or "").startswith(p[:-1]) if p.endswith("*") else p == text for p in patterns
    )


@dataclasses.dataclass
class Grant:
    principal: str
    role: str
    tenants: list
    names: list = dataclasses.field(default_factory=lambda: ["*"])
    may_grant: list = dataclasses.field(default_factory=list)
    unit: str | None = None
    not_before: int = 0
    not_after: int | None = None
    mfa: bool = False

    def met(self, now):
        """ "yes", "no", or "mfa" where a code would do."""
        if self.unit or now < self.not_before or (self.not_after or now + 1) <= now:
            return "no"
        return "mfa" if self.mfa else "yes"


@dataclasses.dataclass
class Key:
    usage: str
    version: int = 1
    revoked: set = dataclasses.field(default_factory=set)

    def signs(self):
        return self.version not in self.revoked


@dataclasses.dataclass
class Caller:
    principals: list  # "uid:N", "gid:N"
    admin: bool  # on admin.sock


class Model:
    def __init__(self, tenants, now):
        self.now = now
        self.grants = {"uid:0": Grant("uid:0", "owner", ["*"], may_grant=["*"])}
        self.roles = {}  # of the store's own: name -> methods
        self.suspended = {t: False for t in tenants}
        self.keys = {t: {} for t in tenants}
        self.profiles = {t: {} for t in tenants}  # name -> key

    # Roles and grants

    def methods(self, role):
        return BUILT_IN[role] if role in BUILT_IN else self.roles[role]

    def grantable(self, may):
        names = [*ROLES, *self.roles] if "*" in may else may
        return set().union(*(self.methods(r) for r in names if self.is_role(r)))

    def is_role(self, name):
        return name in ROLES or name in self.roles

    def held(self, caller):
        return [g for g in self.grants.values() if g.principal in caller.principals]

    def decide(self, caller, method, tenant=None, name=None, anywhere=False, any_name=False):
        """ "ok", "denied" or "mfa_required"."""
        if ROWS[method]["class"] == "admin" and not caller.admin:
            return "denied"
        if "open" in ROWS[method]["flags"]:
            return "ok"
        best = "denied"
        for grant in self.held(caller):
            if method not in self.methods(grant.role):
                continue
            if not anywhere and not hit(grant.tenants, tenant):
                continue
            if not any_name and not hit(grant.names, name):
                continue
            met = grant.met(self.now)
            if met == "yes":
                return "ok"
            if met == "mfa":
                best = "mfa_required"
        return best

    def one_grant(self, caller, method, reaches):
        """Whether one whole grant of the caller's lets him."""
        best = "denied"
        for grant in self.held(caller):
            if method in self.methods(grant.role) and reaches(grant):
                met = grant.met(self.now)
                if met == "yes":
                    return "ok"
                if met == "mfa":
                    best = "mfa_required"
        return best

    def may_give(self, own, grant, forever):
        if not all_covered(own.tenants, grant.tenants):
            return False
        if not all_covered(own.names, grant.names):
            return False
        if own.not_after is not None and not forever:
            if grant.not_after is None or grant.not_after > own.not_after:
                return False
        return "*" in own.may_grant or {grant.role, *grant.may_grant} <= set(own.may_grant)

    def grant_put(self, caller, grant):
        code = self.decide(caller, "grant.put", anywhere=True, any_name=True)
        if code != "ok":
            return code
        if grant.principal in caller.principals:
            return "denied"
        code = self.one_grant(caller, "grant.put", lambda own: self.may_give(own, grant, False))
        if code != "ok":
            return code
        known = [grant.role, *(r for r in grant.may_grant if r != "*")]
        return "ok" if all(self.is_role(r) for r in known) else "not_found"

    def grant_delete(self, caller, name):
        code = self.decide(caller, "grant.delete", anywhere=True, any_name=True)
        if code != "ok":
            return code
        grant = self.grants.get(name)
        if grant is None:
            code = self.one_grant(caller, "grant.delete", lambda own: "*" in own.tenants)
            return "not_found" if code == "ok" else code
        code = self.one_grant(caller, "grant.delete", lambda own: self.may_give(own, grant, True))
        if code == "ok":
            del self.grants[name]
        return code

    def grant_list(self, caller):
        """(code, ids)."""
        code = self.decide(caller, "grant.list", anywhere=True, any_name=True)
        if code != "ok":
            return code, None
        seen = {
            name
            for name, grant in self.grants.items()
            if self.one_grant(
                caller, "grant.list", lambda own, g=grant: all_covered(own.tenants, g.tenants)
            )
            == "ok"
        }
        return "ok", seen

    def touch_role(self, caller, method, role, methods):
        code = self.decide(caller, method, name=role)
        if code != "ok":
            return code
        if role in ROLES:
            return "conflict"
        if any(g.role == role for g in self.held(caller)):
            return "denied"
        needed = methods | self.roles.get(role, set())
        return self.one_grant(
            caller,
            method,
            lambda own: "*" in own.tenants
            and hit(own.names, role)
            and needed <= self.grantable(own.may_grant),
        )

    def role_put(self, caller, role, methods):
        code = self.touch_role(caller, "role.put", role, set(methods))
        if code == "ok":
            self.roles[role] = set(methods)
        return code

    def role_delete(self, caller, role):
        code = self.touch_role(caller, "role.delete", role, set())
        if code != "ok":
            return code
        if role not in self.roles:
            return "not_found"
        if any(g.role == role for g in self.grants.values()):
            return "conflict"
        del self.roles[role]
        return "ok"

    # What a tenant has

    def enter(self, caller, method, tenant, name=None):
        code = self.decide(caller, method, tenant, name)
        if code == "ok" and tenant not in self.keys:
            return "not_found"
        if code == "ok" and self.suspended[tenant] and ROWS[method]["class"] != "admin":
            return "suspended"
        return code

    def key_create(self, caller, tenant, name, usage):
        code = self.enter(caller, "key.create", tenant, name)
        if code == "ok" and name in self.keys[tenant]:
            return "exists"
        if code == "ok":
            self.keys[tenant][name] = Key(usage)
        return code

    def key_of(self, caller, method, tenant, name):
        code = self.enter(caller, method, tenant, name)
        key = self.keys[tenant].get(name) if code == "ok" else None
        return ("not_found", None) if code == "ok" and key is None else (code, key)

    def key_rotate(self, caller, tenant, name):
        code, key = self.key_of(caller, "key.rotate", tenant, name)
        if code == "ok":
            key.version += 1
        return code, key and key.version

    def key_revoke(self, caller, tenant, name):
        """(code, the versions that were not revoked before)."""
        code, key = self.key_of(caller, "key.revoke", tenant, name)
        if code != "ok":
            return code, None
        fresh = set(range(1, key.version + 1)) - key.revoked
        key.revoked |= fresh
        return code, fresh

    def key_sign(self, caller, tenant, name):
        code, key = self.key_of(caller, "key.sign", tenant, name)
        if code == "ok" and (key.usage != "raw" or not key.signs()):
            return "conflict", None
        return code, key and key.version

    def profile_put(self, caller, tenant, name, key):
        code = self.enter(caller, "profile.put", tenant, name)
        if code != "ok":
            return code
        if key not in self.keys[tenant]:
            return "not_found"
        if self.keys[tenant][key].usage != "token":
            return "conflict"
        if self.profiles[tenant].get(name) != key:
            code = self.decide(caller, "key.update", tenant, key)
        if code == "ok":
            self.profiles[tenant][name] = key
        return code

    def profile_of(self, caller, method, tenant, name):
        code = self.enter(caller, method, tenant, name)
        key = self.profiles[tenant].get(name) if code == "ok" else None
        return ("not_found", None) if code == "ok" and key is None else (code, key)

    def profile_delete(self, caller, tenant, name):
        code, _ = self.profile_of(caller, "profile.delete", tenant, name)
        if code == "ok":
            del self.profiles[tenant][name]
        return code

    def token_sign(self, caller, tenant, name):
        """(code, the kid that the token must have)."""
        code, key = self.profile_of(caller, "token.sign", tenant, name)
        if code != "ok":
            return code, None
        if not self.keys[tenant][key].signs():
            return "conflict", None
        return code, f"{key}.{self.keys[tenant][key].version}"

    def token_verify(self, caller, tenant, name, token):
        """(code, valid)."""
        code, key = self.profile_of(caller, "token.verify", tenant, name)
        if code != "ok":
            return code, None
        made_in, made_under, kid = token
        made_with, version = kid.rsplit(".", 1)
        return code, (
            (made_in, made_under, made_with) == (tenant, name, key)
            and int(version) not in self.keys[tenant][key].revoked
        )


def kid_of(token):
    return json.loads(jose.unb64(token.split(".")[0]))["kid"]
