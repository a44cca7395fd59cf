import pytest


@pytest.fixture
def raw(tenant):
    """A tenant with a key k of usage raw."""
    tenant.key("k", usage="raw")
    return tenant


@pytest.fixture(scope="session")
def big(shared):
    """One such tenant for the whole run, named big."""
    tenant = shared.new_tenant("big")
    tenant.key("k", usage="raw")
    yield tenant
    tenant.close()
