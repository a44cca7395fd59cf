"""sys.metrics, as a reader that is not ours understands it."""

import re
import subprocess
import threading
import time

from prometheus_client.parser import text_string_to_metric_families

from lib import other
from lib.vault import BUILD

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*$")
LINE = re.compile(
    r'([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? (\d+)$'
)


def scrape(conn):
    """{family: metric}, held against the format's rules first."""
    text = conn.call("sys.metrics")["text"]
    assert text.endswith("\n") and "\n\n" not in text
    families, seen, samples = [], set(), set()
    names = [line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    # OpenMetrics names a counter's family without its _total.
    assert len({name[:-6] if name.endswith("_total") else name for name in names}) == len(names)
    for line in text.splitlines():
        if line.startswith("# HELP "):
            families.append(line.split(" ", 3)[2])
            assert families[-1] not in seen and len(line.split(" ", 3)[3]) > 5, line
            seen.add(families[-1])
        elif line.startswith("# TYPE "):
            name, kind = line.split(" ")[2:]
            assert name == families[-1] and kind in ("counter", "gauge", "histogram")
            assert (kind == "counter") == name.endswith("_total"), line
        else:
            match = LINE.match(line)
            assert match, line
            assert match[1].startswith(families[-1]) and NAME.match(match[1]), line
            assert (match[1], match[2]) not in samples, line
            samples.add((match[1], match[2]))
    return {m.name: m for m in text_string_to_metric_families(text)}


def value(families, name, suffix="", **labels):
    name = name[: -len("_total")] if name.endswith("_total") else name
    found = [s.value for s in families[name].samples if s.labels == labels]
    assert len(found) <= 1
    return found[0] if found else 0


def test_requests_are_counted_by_method_and_outcome(vault):
    tenant = vault.new_tenant("acme")
    tenant.key("k", usage="raw")
    with vault.app() as app:
        before = scrape(app)
        for _ in range(7):
            app.call("key.sign", tenant="acme", name="k", message=b"m")
        for _ in range(3):
            app.error("key.sign", tenant="acme", name="none", message=b"m")
        app.error("no.such.method")
        after = scrape(app)

    def grown(**labels):
        return value(after, "vaultd_requests_total", **labels) - value(
            before, "vaultd_requests_total", **labels
        )

    assert grown(method="key.sign", code="ok") == 7
    assert grown(method="key.sign", code="not_found") == 3
    assert grown(method="other", code="unknown_method") == 1
    assert grown(method="sys.metrics", code="ok") == 1
    assert value(after, "vaultd_requests_total", method="key.create", code="ok") == 1
    tenant.close()


def test_state_is_told(vault):
    vault.new_tenant("acme").close()
    status = vault.status()
    with vault.admin() as admin:
        seen = scrape(admin)
        assert value(seen, "vaultd_sealed") == 0 and value(seen, "vaultd_initialized") == 1
        assert value(seen, "vaultd_tenants") == 1
        assert value(seen, "vaultd_build_info", version=status["version"]) == 1
        assert value(seen, "vaultd_audit_sequence") >= status["audit"]["seq"]
        assert value(seen, "vaultd_audit_healthy") == 1
        assert 0 < value(seen, "vaultd_arena_used_bytes") < value(seen, "vaultd_arena_size_bytes")
        assert value(seen, "vaultd_uptime_seconds") >= status["uptime"]
        assert value(seen, "vaultd_commits_total") >= 2
        assert value(seen, "vaultd_cache_entries") >= 0
        groups = seen["vaultd_commit_group_size"]
        counts = [s.value for s in groups.samples if s.name.endswith("_bucket")]
        assert counts == sorted(counts) and counts[-1] >= 2
        assert [s.labels["le"] for s in groups.samples if "le" in s.labels][-1] == "+Inf"
        vault.seal()
        seen = scrape(admin)
        assert value(seen, "vaultd_sealed") == 1
        assert "vaultd_tenants" not in seen and "vaultd_audit_sequence" not in seen
        vault.unseal()
        assert value(scrape(admin), "vaultd_sealed") == 0


def test_a_scrape_leaves_no_record(vault):
    with vault.admin() as admin:
        scrape(admin)
        assert admin.pages("audit.query", 100, method="sys.metrics") == []


def test_before_there_is_a_vault(blank):
    with blank.admin() as admin:
        seen = scrape(admin)
    assert value(seen, "vaultd_initialized") == 0 and value(seen, "vaultd_sealed") == 1


def until(conn, name, wanted):
    """Connections that were closed are noticed a little later."""
    end = time.monotonic() + 10
    while value(scrape(conn), name) != wanted:
        assert time.monotonic() < end, (name, wanted)


def test_connections_and_refusals(vault):
    conns = [vault.app() for _ in range(20)]
    for conn in conns:
        conn.call("sys.ping")
    with vault.admin() as admin:
        until(admin, "vaultd_connections", 21)
        for conn in conns:
            conn.close()
        until(admin, "vaultd_connections", 1)
        assert value(scrape(admin), "vaultd_connections_accepted_total") >= 21
        with vault.app() as app:
            app.error("tenant.list")
        assert value(scrape(admin), "vaultd_refusals_total", code="denied") == 1
        assert value(scrape(admin), "vaultd_refusals_total", code="limited") == 0


def test_nobody_else_reads_them(new_vault):
    vault = new_vault('app_group = "users"').start()
    vault.init()
    replies = other.call_as(12345, 100, vault.app_path, [("sys.metrics", {})])
    assert replies[0]["error"]["code"] == "denied"


def test_counts_add_up_under_load(new_vault):
    """Several workers and the committer, read while they count."""
    vault = new_vault("workers = 3").start()
    vault.init()
    tenant = vault.new_tenant("acme")
    tenant.key("k", usage="raw")

    def work():
        with vault.app() as conn:
            for _ in range(4):
                conn.call_many(
                    [("key.sign", {"tenant": "acme", "name": "k", "message": b"m"})] * 500
                )

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    last = 0
    with vault.admin() as admin:
        while any(thread.is_alive() for thread in threads):
            now = value(scrape(admin), "vaultd_requests_total", method="key.sign", code="ok")
            assert now >= last
            last = now
        seen = scrape(admin)
    assert value(seen, "vaultd_requests_total", method="key.sign", code="ok") == 6 * 2000
    tenant.close()


def test_vaultctl_metrics(vault):
    done = subprocess.run(
        [str(BUILD / "vaultctl"), "--socket", vault.app_path, "metrics"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.startswith("# HELP vaultd_build_info ")
    assert "vaultd_sealed 0\n" in done.stdout and done.stdout.endswith("\n")
