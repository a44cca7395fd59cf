"""Fixtures: one shared unsealed vault with a tenant of its own for each test, and vaults of one's
own."""

import contextlib
import itertools
import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lib.policy import Stage  # noqa: E402
from lib.vault import BUILD, Vault  # noqa: E402

TEST_SECONDS = 90  # no test may hang
_numbers = itertools.count(1)


def pytest_sessionstart(session):
    if os.getuid() != 0:
        pytest.exit(
            "the integration and hostile tests need root: they take other users' identities", 1
        )
    if not (BUILD / "vaultd").exists():
        pytest.exit(f"no vaultd in {BUILD}: run make, or set VAULTD_BUILD", 1)


@pytest.fixture(autouse=True)
def no_hang(request):
    def too_long(*unused):
        raise TimeoutError(f"the test took more than {TEST_SECONDS} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(0 if request.node.get_closest_marker("no_deadline") else TEST_SECONDS)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def shared():
    """Unsealed, and used by most tests: leave it as it was but for your own tenant."""
    vault = Vault()
    try:
        vault.start()
        vault.init()
        yield vault
        vault.assert_alive()
        vault.verify_audit()
    finally:
        vault.close()


@pytest.fixture(scope="module")
def stage():
    """Unsealed, both sockets open to users who hold what the test grants them."""
    stage = Stage()
    try:
        yield stage
        stage.vault.assert_alive()
        stage.vault.verify_audit()
    finally:
        stage.close()


@pytest.fixture
def app(shared):
    with shared.app() as conn:
        yield conn


@pytest.fixture
def admin(shared):
    with shared.admin() as conn:
        yield conn


@pytest.fixture
def new_tenant(shared):
    made = []

    def make():
        made.append(shared.new_tenant(f"t{next(_numbers)}"))
        return made[-1]

    yield make
    for tenant in made:
        tenant.close()


@pytest.fixture
def tenant(new_tenant):
    return new_tenant()


@pytest.fixture
def new_vault():
    """Makes vaults of the test's own; none is started."""
    with contextlib.ExitStack() as made:

        def make(*args, **options):
            vault = Vault(*args, **options)
            made.callback(vault.close)
            return vault

        yield make


@pytest.fixture
def blank(new_vault):
    """Started, not initialised."""
    return new_vault().start()


@pytest.fixture
def vault(blank):
    """Unsealed, the test's own."""
    blank.init()
    return blank
