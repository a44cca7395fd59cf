# What the command line's tests share: a daemon of their own in a directory that goes away.
# shellcheck disable=SC2154 # bats sets output and stderr
bats_require_minimum_version 1.5.0

BUILD=${VAULTD_BUILD:-$BATS_TEST_DIRNAME/../../build}
VAULTCTL=$BUILD/vaultctl
export PASSPHRASE='correct horse battery staple'

# A time limit for each call, so that nothing can hang the suite.
vaultctl() { timeout 60 "$VAULTCTL" "$@"; }

start_daemon() {
	DIR=$(mktemp -d)
	export DIR
	mkdir -m 700 "$DIR/state" "$DIR/run"
	: >"$DIR/vaultd.conf"
	"$BUILD/vaultd" --config "$DIR/vaultd.conf" --state "$DIR/state" --runtime "$DIR/run" 2>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	export VAULTD_SOCKET=$DIR/run/vaultd.sock VAULTD_ADMIN_SOCKET=$DIR/run/admin.sock
	for _ in $(seq 200); do
		"$VAULTCTL" --quiet status >/dev/null 2>&1 && return 0
		kill -0 "$(cat "$DIR/pid")" 2>/dev/null || break
		sleep 0.05
	done
	cat "$DIR/log" >&2
	return 1
}

wait_for_end() {
	for _ in $(seq 200); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -9 "$1"
}

stop_daemon() {
	[ -n "$DIR" ] || return 0
	kill "$(cat "$DIR/pid")" 2>/dev/null && wait_for_end "$(cat "$DIR/pid")"
	rm -rf "$DIR"
}

# Says what was printed where a test's command did something else.
has() {
	[[ $output == *"$1"* ]] || { printf 'not in the output: %s\noutput: %s\nstderr: %s\n' "$1" "$output" "$stderr"; return 1; }
}
stderr_has() {
	[[ $stderr == *"$1"* ]] || { printf 'not in stderr: %s\nstderr: %s\n' "$1" "$stderr"; return 1; }
}
