"""What tests of secrets share; a tenant is lib.vault.Tenant."""


def put(tenant, name="db/password", value=b"v1", **fields):
    return tenant.call("secret.put", name=name, value=value, **fields)["version"]


def get(tenant, name="db/password", **fields):
    return tenant.call("secret.get", name=name, **fields)


def value(tenant, name="db/password", **fields):
    return get(tenant, name, **fields)["value"]


def states(tenant, name="db/password"):
    answer = tenant.call("secret.describe", name=name)
    return {v["version"]: v["state"] for v in answer["versions"]}


def code(tenant, method, name="db/password", **fields):
    return tenant.error(method, name=name, **fields).code
