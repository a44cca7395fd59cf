# One-time codes: enrolling, and commands that need one.
load lib

# On a terminal, typing the answers: terminal [PROMPT=ANSWER ...] -- COMMAND
terminal() { timeout 60 /usr/bin/python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"; }

# What an app shows for the URI.
app_code() {
	(cd "$BATS_TEST_DIRNAME/.." && /usr/bin/python3 -c 'import sys
from lib import totp
print(totp.code(totp.secret_of(sys.argv[1]), totp.step_now(20)))' "$1")
}

setup_file() {
	start_daemon
	vaultctl --quiet init <<<"$PASSPHRASE"
	export LC_ALL=C.UTF-8 TERM=xterm-256color
	unset NO_COLOR
}
teardown_file() { stop_daemon; }

setup() {
	[[ $BATS_TEST_DESCRIPTION == *'wants a code'* ]] || return 0
	export VAULTD_SOCKET=$BATS_TEST_TMPDIR/mfa.sock LOG=$BATS_TEST_TMPDIR/log VAULTD_TENANT=acme
	/usr/bin/python3 "$BATS_TEST_DIRNAME/mfa_daemon.py" "$VAULTD_SOCKET" "$LOG" 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/pid"
	for _ in $(seq 200); do
		[ ! -S "$VAULTD_SOCKET" ] || break
		sleep 0.05
	done
}
teardown() { [ ! -f "$BATS_TEST_TMPDIR/pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/pid")"; }

@test "users of the host are principals, groups are not for codes" {
	run -0 --separate-stderr vaultctl totp enroll user:daemon --label phone
	run -0 vaultctl --quiet totp list
	has "uid:$(id -u daemon)"
	run -2 --separate-stderr vaultctl totp enroll --principal group:daemon
	stderr_has principal
	run -1 --separate-stderr vaultctl totp enroll --principal user:no-such-user
	stderr_has 'a user of this host'
	run -0 vaultctl --yes totp remove user:daemon
	run -2 --separate-stderr vaultctl --yes totp remove "uid:$(id -u daemon)"
	stderr_has not_found
	run -0 vaultctl audit query --principal user:root
	run -1 --separate-stderr vaultctl audit query --principal user:no-such-user
	stderr_has 'a user of this host'
}

@test "a terminal shows the QR code in black on white, the text and the recovery codes" {
	run -0 terminal -- "$VAULTCTL" totp enroll --principal uid:4000
	has 'otpauth://totp/vaultd:uid-4000?secret='
	has $'\033[38;5;16;48;5;231m'
	has 'Recovery codes'
	[ "$(grep -cE '^   [0-9]{16}   [0-9]{16}$' <<<"$output")" -eq 5 ]
	# 45 modules and a margin of 4 on each side, two rows to a line
	lines=$(grep -c $'\033\[38;5;16;48;5;231m' <<<"$output")
	[ "$lines" -ge 25 ] && [ "$lines" -le 31 ]
	first=$(grep -m1 $'\033\[38;5;16;48;5;231m' <<<"$output")
	[[ $first =~ ^$'\033[38;5;16;48;5;231m'\ +$'\033[0m'$ ]]
}

@test "without colours it is light on dark, without UTF-8 it is made of ASCII" {
	run -0 --separate-stderr env NO_COLOR=1 "$VAULTCTL" totp enroll uid:4000 --qr
	[[ ${lines[0]} =~ ^█+$ ]]
	[[ $output != *$'\033'* ]]
	run -0 --separate-stderr env LC_ALL=C "$VAULTCTL" totp enroll uid:4000 --qr
	[[ ${lines[0]} =~ ^#+$ ]]
	[ "${#lines[0]}" -eq "$((2 * $(grep -c '^##' <<<"$output")))" ]
}

@test "scripts get the URI alone, or JSON" {
	run -0 --separate-stderr vaultctl --quiet totp enroll uid:4000
	[[ $output =~ ^otpauth://totp/vaultd:uid-4000\?secret=[A-Z2-7]{32}\& ]]
	[ "${#lines[@]}" -eq 1 ]
	run -0 --separate-stderr vaultctl --format json totp enroll uid:4000
	[ "$(jq -r '.recovery | length' <<<"$output")" -eq 10 ]
	run -1 --separate-stderr vaultctl --format json totp enroll uid:4000 --qr
	run -1 --separate-stderr vaultctl --qr tenant list
	stderr_has '--qr is for totp enroll'
}

@test "a code is given by stdin, a file or a prompt, once" {
	uri=$(vaultctl --quiet totp enroll user:root)
	code=$(app_code "$uri")
	run -0 --separate-stderr vaultctl auth totp <<<"$code"
	stderr_has 'own connection'
	printf '%s\n' "$code" >"$BATS_TEST_TMPDIR/code"
	run -2 --separate-stderr vaultctl auth totp --code "@$BATS_TEST_TMPDIR/code"
	stderr_has 'has counted before'
	run -1 --separate-stderr vaultctl auth totp --code "$code"
	stderr_has 'never from the command line'
	run -1 --separate-stderr vaultctl auth totp "$code"
	stderr_has 'never from the command line'
	recovery=$(vaultctl --format json totp enroll user:root | jq -r '.recovery[0,1,2]')
	run -0 terminal "One-time code: =$(sed -n 1p <<<"$recovery")" -- "$VAULTCTL" auth totp
	[[ $output != *"$(sed -n 1p <<<"$recovery")"* ]]
	run -0 --separate-stderr vaultctl --totp=- --quiet status <<<"$(sed -n 2p <<<"$recovery")"
	[ "$output" = unsealed ]
	run -0 terminal "One-time code: =$(sed -n 3p <<<"$recovery")" -- "$VAULTCTL" --quiet status --totp
	has unsealed
	run -1 --separate-stderr vaultctl --totp="$code" status
	stderr_has 'never stands on the command line'
	run -0 vaultctl --yes totp remove user:root
}

@test "a command that wants a code asks for it on a terminal, and goes on" {
	run -0 terminal 'One-time code: =123456' -- "$VAULTCTL" key rotate k --request-id r1
	has 'key.rotate asks for a one-time code'
	has 7
	[ "$(cat "$LOG")" = $'key.rotate r1\nauth.totp -\nkey.rotate r1' ]
	run -2 terminal 'One-time code: =654321' -- "$VAULTCTL" key rotate k
	has 'has counted before'
}

@test "JSON stays JSON where a command wants a code" {
	run -0 bash -c "/usr/bin/python3 '$BATS_TEST_DIRNAME/terminal.py' 'One-time code: =123456' -- \
		bash -c \"'$VAULTCTL' --format json key rotate k >'$BATS_TEST_TMPDIR/out'\""
	[ "$(jq .version "$BATS_TEST_TMPDIR/out")" -eq 7 ]
	run -2 --separate-stderr vaultctl --format json key rotate k
	[ "$(jq -r .code <<<"$stderr")" = mfa_required ]
}

@test "nobody is asked where a command wants a code without a terminal" {
	run -2 --separate-stderr vaultctl key rotate k </dev/null
	stderr_has 'Give a one-time code: --totp'
	[ "$(cat "$LOG")" = 'key.rotate -' ]
	run -0 --separate-stderr vaultctl key rotate k --totp=- --request-id r2 <<<123456
	[ "$(tail -n 2 "$LOG")" = $'auth.totp -\nkey.rotate r2' ]
	run -2 --separate-stderr vaultctl call key.rotate '{"tenant":"acme","name":"k"}'
	run -0 --separate-stderr vaultctl --totp=- call key.rotate '{"tenant":"acme","name":"k"}' <<<123456
	[ "$(jq .version <<<"$output")" -eq 7 ]
}
