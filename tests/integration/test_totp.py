"""One-time codes: auth.totp and totp.*."""

import itertools
import re

import pytest

from lib import other, totp

GID = 100
LOCKED_MS = 30 * 60 * 1000
_uids = itertools.count(20001)


class Person:
    """A user with an app; no grants, since a code needs none."""

    def __init__(self, vault, uid):
        self.vault, self.uid, self.principal = vault, uid, f"uid:{uid}"
        self.secret = self.recovery = None

    def enroll(self, **fields):
        answer = self.vault.admin_call("totp.enroll", principal=self.principal, **fields)
        self.secret, self.recovery = totp.secret_of(answer["uri"]), answer["recovery"]
        return answer

    def give(self, *codes):
        """What each code is answered on one connection: "ok", or the error's code."""
        return [e["code"] if e else "ok" for e in self.errors(*codes)]

    def errors(self, *codes):
        calls = [("auth.totp", {"code": c}) for c in codes]
        return [r["error"] for r in other.call_as(self.uid, GID, self.vault.app_path, calls)]

    def code(self, step):
        return totp.code(self.secret, step)

    def item(self):
        with self.vault.admin() as admin:
            found = [
                i
                for i in admin.pages("totp.list", 100)
                if i["principal"] == self.principal
            ]
        return found[0] if found else None


@pytest.fixture(scope="module")
def open_vault():
    """Unsealed, open to the group users."""
    from lib.vault import Vault

    vault = Vault('app_group = "users"')
    try:
        vault.start()
        vault.init()
        yield vault
        vault.assert_alive()
        vault.verify_audit()
    finally:
        vault.close()


@pytest.fixture
def person(open_vault):
    return Person(open_vault, next(_uids))


def test_enrolling_gives_a_uri_and_ten_codes(person):
    answer = person.enroll(label="ann@example.org")
    assert re.fullmatch(
        r"otpauth://totp/vaultd:ann%40example\.org\?secret=[A-Z2-7]{32}"
        r"&issuer=vaultd&algorithm=SHA1&digits=6&period=30",
        answer["uri"],
    )
    assert set(answer) == {"uri", "recovery"}
    assert len(person.secret) == 20
    assert len(set(answer["recovery"])) == 10
    assert all(re.fullmatch("[0-9]{16}", code) for code in answer["recovery"])


def test_a_label_is_the_principal_where_none_is_given(person):
    assert f"vaultd:uid-{person.uid}?secret=" in person.enroll()["uri"]


def test_labels_are_encoded_and_bounded(open_vault):
    with open_vault.admin() as admin:
        uri = admin.call("totp.enroll", principal="uid:19000", label="Jörg & Söhne/?#")["uri"]
        assert "vaultd:J%C3%B6rg%20%26%20S%C3%B6hne%2F%3F%23?secret=" in uri
        assert admin.call("totp.enroll", principal="uid:19000", label="ü" * 32)["uri"]
        for label in ("", "x" * 65, "a:b", "a\nb", "a\x7f", "a\x85b", 7):
            error = admin.error("totp.enroll", principal="uid:19000", label=label)
            assert (error.code, error.field) == ("invalid_params", "label"), label


@pytest.mark.parametrize(
    "principal",
    [
        "uid:",
        "uid:x",
        "uid:01",
        "uid:+1",
        "uid: 1",
        "uid:4294967295",
        "uid:4294967296",
        "uid:99999999999",
        "gid:1",
        "user:root",
        "key:acme",
        "key:/id",
        "key:Acme/id",
        "key:acme/",
        "key:acme/a b",
        "uid:1\0",
        "1000",
        "",
    ],
)
def test_principals_of_another_form(open_vault, principal):
    with open_vault.admin() as admin:
        error = admin.error("totp.enroll", principal=principal)
    assert (error.code, error.field) == ("invalid_params", "principal")


@pytest.mark.parametrize("principal", ["uid:0", "uid:4294967294", "key:acme/AbC123"])
def test_principals_of_the_right_form(open_vault, principal):
    with open_vault.admin() as admin:
        assert admin.call("totp.enroll", principal=principal)["uri"]
        assert admin.call("totp.remove", principal=principal) == {}


def test_a_code_counts_once(person):
    person.enroll()
    code = person.code(totp.step_now())
    assert person.give(code, code) == ["ok", "denied"]
    assert person.give(code) == ["denied"]


def test_one_step_to_either_side(person):
    person.enroll()
    step = totp.step_now()
    codes = [person.code(step + i) for i in (-2, 2, -1, 0, 1)]
    assert person.give(*codes) == ["denied", "denied", "ok", "ok", "ok"]


def test_a_step_before_one_that_counted(person):
    person.enroll()
    step = totp.step_now()
    codes = [person.code(step + i) for i in (1, 0, -1)]
    assert person.give(*codes) == ["ok", "denied", "denied"]


@pytest.mark.parametrize("enrolled", [True, False])
def test_what_is_no_code_by_its_form(person, enrolled):
    """Not counted either: after all of these a right code is taken."""
    person.enroll()
    code = person.code(totp.step_now())
    if not enrolled:
        person.vault.admin_call("totp.remove", principal=person.principal)
    arabic = "".join(chr(0x660 + int(d)) for d in code)
    wide = "".join(chr(0xFF10 + int(d)) for d in code)
    forms = [
        *(code[:5], code + "0", "0" + code, "", "x" * 6, "1" * 15, "1" * 17, code * 2),
        *(" " + code, code + " ", code + "\n", code[:3] + " " + code[3:], code[:5] + " "),
        *(code[:5] + "\0", "+" + code[:5], "-" + code[:5], "0x" + code[:4], arabic, wide),
        *(arabic[:3], int(code), None),
    ]
    for error in person.errors(*forms):
        assert (error["code"], error["field"]) == ("invalid_params", "code")
    assert person.give(code) == ["ok" if enrolled else "denied"]


def test_bytes_are_no_code(shared, admin):
    with shared.app() as app:
        error = app.error("auth.totp", code=b"123456")
    assert (error.code, error.field) == ("invalid_params", "code")


def test_each_recovery_code_counts_once(person):
    person.enroll()
    assert person.item()["recovery_left"] == 10
    assert person.give(*person.recovery) == ["ok"] * 10
    assert person.item()["recovery_left"] == 0
    assert person.give(person.recovery[0], person.recovery[9]) == ["denied"] * 2
    assert person.give("0" * 16) == ["denied"]
    assert person.item()["recovery_left"] == 0
    assert person.give(person.code(totp.step_now())) == ["ok"]


def test_a_new_enrolment_ends_the_old_one(person):
    person.enroll(label="old")
    old = Person(person.vault, person.uid)
    old.secret, old.recovery = person.secret, person.recovery
    person.enroll(label="new")
    step = totp.step_now()
    assert person.secret != old.secret and not set(person.recovery) & set(old.recovery)
    assert person.give(old.code(step), old.recovery[0]) == ["denied"] * 2
    assert person.give(person.code(step), person.recovery[0]) == ["ok"] * 2
    assert person.item()["label"] == "new"


def test_removing(person):
    person.enroll()
    assert person.vault.admin_call("totp.remove", principal=person.principal) == {}
    assert person.item() is None
    assert person.give(person.code(totp.step_now()), person.recovery[0]) == ["denied"] * 2
    with person.vault.admin() as admin:
        error = admin.error("totp.remove", principal=person.principal)
    assert (error.code, error.field) == ("not_found", "principal")


def test_the_list_tells_no_secret(person):
    assert person.item() is None
    person.enroll(label="phone")
    item = person.item()
    assert set(item) == {"principal", "label", "created_at", "recovery_left"}
    person.give(person.recovery[0])
    item = person.item()
    assert item["recovery_left"] == 9 and item["last_used_at"] >= item["created_at"]
    assert set(item) == {"principal", "label", "created_at", "last_used_at", "recovery_left"}


def test_the_list_is_paged(open_vault):
    uids = list(range(19100, 19107))
    with open_vault.admin() as admin:
        for uid in uids:
            admin.call("totp.enroll", principal=f"uid:{uid}")
        seen = [i["principal"] for i in admin.pages("totp.list", 2)]
        assert len(seen) == len(set(seen)) and {f"uid:{u}" for u in uids} <= set(seen)
        for uid in uids:
            admin.call("totp.remove", principal=f"uid:{uid}")


@pytest.mark.parametrize("enrolled", [True, False])
def test_five_wrong_codes_lock(person, enrolled):
    """Who has no secret is answered in the same words."""
    person.enroll()
    good = person.code(totp.step_now())
    wrong = totp.wrong(person.secret)
    if not enrolled:
        person.vault.admin_call("totp.remove", principal=person.principal)
    errors = person.errors(*([wrong] * 5 + [good, person.recovery[0], wrong]))
    assert [e["code"] for e in errors] == ["denied"] * 5 + ["locked"] * 3
    assert errors[0] == {"code": "denied", "message": errors[1]["message"]}
    waits = [e["retry_after_ms"] for e in errors[5:]]
    assert all(LOCKED_MS - 20000 < w <= LOCKED_MS for w in waits)
    assert waits == sorted(waits, reverse=True), "attempts while locked extend nothing"


def test_failures_on_all_connections_count_together(person):
    person.enroll()
    wrong = totp.wrong(person.secret)
    for _ in range(5):
        assert person.give(wrong) == ["denied"]
    assert person.give(person.code(totp.step_now())) == ["locked"]


def test_a_right_code_forgets_the_failures(person):
    person.enroll()
    wrong = totp.wrong(person.secret)
    step = totp.step_now()
    assert person.give(*[wrong] * 4, person.code(step)) == ["denied"] * 4 + ["ok"]
    assert person.give(*[wrong] * 4, person.recovery[0]) == ["denied"] * 4 + ["ok"]


def test_nobody_locks_another(person):
    person.enroll()
    stranger = Person(person.vault, next(_uids))
    assert stranger.give(*["123456"] * 6) == ["denied"] * 5 + ["locked"]
    assert person.give(person.code(totp.step_now())) == ["ok"]


def test_guesses_sent_at_once_are_counted_each(person):
    """auth.totp runs alone on its connection: the sixth guess finds the lock, however they come."""
    with person.vault.app() as app:
        wrong = ["000001", "000002", "000003", "000004", "000005", "000006", "000007"]
        answers = app.call_many([("auth.totp", {"code": c}) for c in wrong])
    assert [e.code for e in answers] == ["denied"] * 5 + ["locked"] * 2


def test_what_a_restart_keeps(new_vault):
    vault = new_vault('app_group = "users"').start()
    vault.init()
    locked, ann = Person(vault, 30001), Person(vault, 30002)
    locked.enroll()
    ann.enroll()
    step = totp.step_now(rest=12)
    assert locked.give(*[totp.wrong(locked.secret)] * 5) == ["denied"] * 5
    assert ann.give(ann.code(step), ann.recovery[3]) == ["ok", "ok"]
    vault.restart()
    assert locked.give(locked.code(step)) == ["locked"]
    assert ann.give(ann.code(step), ann.recovery[3]) == ["denied"] * 2
    assert ann.give(ann.recovery[4]) == ["ok"]
    assert ann.item()["recovery_left"] == 8
    # Neither has been lost when the process is killed.
    vault.kill()
    vault.start_again()
    assert locked.give(locked.recovery[0]) == ["locked"]
    assert ann.give(ann.recovery[4]) == ["denied"]


def test_what_the_audit_tells(person):
    person.enroll(label="phone")
    step = totp.step_now()
    person.give(person.code(step), person.code(step), "12345")
    with person.vault.admin() as admin:
        mine = admin.pages("audit.query", 100, principal=person.principal, order="oldest")
        assert [(r["method"], r["outcome"], r.get("code")) for r in mine] == [
            ("auth.totp", "ok", None),
            ("auth.totp", "denied", "denied"),
            ("auth.totp", "error", "invalid_params"),
        ]
        assert all("reason" not in r and "name" not in r for r in mine)
        (enrolled,) = admin.pages("audit.query", 100, method="totp.enroll", name=person.principal)
    assert enrolled["name"] == person.principal and enrolled["outcome"] == "ok"


def test_no_secret_in_the_audit_the_log_or_the_store(new_vault):
    vault = new_vault('app_group = "users"').start()
    vault.init()
    ann = Person(vault, 30003)
    uri = ann.enroll(label="phone")["uri"]
    code = ann.code(totp.step_now())
    assert ann.give(code, ann.recovery[0], totp.wrong(ann.secret)) == ["ok", "ok", "denied"]
    with vault.admin() as admin:
        records = str(admin.pages("audit.query", 1000))
        listed = str(admin.call("totp.list"))
    text = uri.split("secret=")[1].split("&")[0]
    needles = [ann.secret, text.encode(), b"otpauth", *(c.encode() for c in ann.recovery)]
    vault.stop()
    shown = (records + listed + vault.log()).encode()
    stored = b"".join(p.read_bytes() for p in vault.state.rglob("*") if p.is_file())
    for needle in needles:
        assert needle not in shown and needle not in stored


def test_enrolling_is_for_the_other_socket(shared, app):
    for method in ("totp.enroll", "totp.remove"):
        assert app.error(method, principal="uid:1").code == "denied"
    assert app.error("totp.list").code == "denied"


def test_a_code_may_be_given_on_either_socket(shared, admin):
    answer = admin.call("totp.enroll", principal="uid:0")
    try:
        with shared.app() as app:
            assert app.call("auth.totp", code=answer["recovery"][0]) == {}
        assert admin.call("auth.totp", code=answer["recovery"][1]) == {}
    finally:
        admin.call("totp.remove", principal="uid:0")


def test_a_grant_that_asks_for_a_code(person):
    """On this connection and no other, for a quarter of an hour."""
    tenant = person.vault.new_tenant(f"t{person.uid}")
    tenant.key("k", usage="raw")
    person.vault.admin_call(
        "grant.put",
        principal=person.principal,
        role="raw-signer",
        tenants=[tenant.name],
        mfa=True,
    )
    person.enroll()
    sign = ("key.sign", tenant.fields(name="k", message=b"m"))
    calls = [
        sign,
        ("auth.totp", {"code": totp.wrong(person.secret)}),
        sign,
        ("auth.totp", {"code": person.recovery[0]}),
        sign,
        ("auth.whoami", {}),
    ]
    replies = other.call_as(person.uid, GID, person.vault.app_path, calls)
    assert [r["error"] and r["error"]["code"] for r in replies] == [
        *("mfa_required", "denied", "mfa_required", None, None, None)
    ]
    assert 890 <= replies[-1]["result"]["mfa_left"] <= 900
    (again,) = other.call_as(person.uid, GID, person.vault.app_path, [sign])
    assert again["error"]["code"] == "mfa_required"
    tenant.close()


def test_an_enrolment_asked_for_again_shows_nothing_again(open_vault):
    ann = Person(open_vault, next(_uids))
    fields = {"principal": ann.principal, "label": "phone", "request_id": f"e{ann.uid}"}
    with open_vault.admin() as admin:
        first = admin.call("totp.enroll", **fields)
        assert admin.call("totp.enroll", **fields) == {"replayed": True}
    ann.secret = totp.secret_of(first["uri"])
    assert ann.give(ann.code(totp.step_now()), first["recovery"][0]) == ["ok", "ok"]


def test_a_request_id_does_not_give_a_code_twice(person):
    """A code is for its connection, so its answer is not kept for another."""
    person.enroll()
    given = ("auth.totp", {"code": person.recovery[0], "request_id": "once"})
    calls = [given, ("auth.whoami", {})]
    first, who = other.call_as(person.uid, GID, person.vault.app_path, calls)
    assert first["result"] == {} and who["result"]["mfa_left"] > 0
    again, who = other.call_as(person.uid, GID, person.vault.app_path, calls)
    assert again["error"]["code"] == "denied" and "mfa_left" not in who["result"]
