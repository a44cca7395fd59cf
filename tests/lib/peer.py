"""A peer that shares a secret with a tenant and makes tokens of its own."""

from lib import jose

KEY = b"\x42" * 48
PROFILE = {
    "issuer": "iss",
    "audience": ["aud", "aud2"],
    "scopes": ["read", "write"],
    "max_ttl": 3600,
}


def meet(tenant):
    """Gives the tenant the peer's key and a profile for its tokens."""
    tenant.import_hs(KEY, "k")
    tenant.profile(**PROFILE)
    return tenant


def reason(tenant, without=(), profile="p", header=None, ask=None, **changes):
    """Why the vault refuses a peer's token that is good but for the changes; "valid" where it does
    not."""
    token = jose.token(KEY, jose.claims(tenant, without, **changes), **(header or {}))
    answer = tenant.verify(token, profile, **(ask or {}))
    return "valid" if answer["valid"] else answer["reason"]
