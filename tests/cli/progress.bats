# What takes long tells how far it is, where somebody looks.
load lib

SECONDS_LONG=2

setup() {
	DIR=$(mktemp -d)
	export DIR VAULTD_SOCKET=$DIR/run.sock VAULTD_ADMIN_SOCKET=$DIR/run.sock
}
teardown() {
	kill "$SLOW" && wait_for_end "$SLOW"
	rm -rf "$DIR"
}

# The daemon whose audit.verify lasts so long, and tells so much: slow MODE [SECONDS]
slow() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/slow_daemon.py" "$VAULTD_SOCKET" "${2:-$SECONDS_LONG}" "$1" "$DIR/log" 3>&- &
	SLOW=$!
	for _ in $(seq 200); do [ -S "$VAULTD_SOCKET" ] && break; sleep 0.05; done
}
terminal() { timeout 60 /usr/bin/python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"; }

@test "a terminal sees the daemon's own figures, and then only the result" {
	slow work
	run -0 terminal -- "$VAULTCTL" audit verify
	[[ $output =~ 'audit.verify  ['#+' '*'] '.*'% '.*' of 4000 records'.*' records/s' ]]
	# The bar is taken back before the result stands there.
	[[ ${output##*$'\r\033[K'} == 'ok '* ]]
}

@test "what it waits for is told too" {
	slow before
	run -0 terminal -- "$VAULTCTL" audit verify
	has 'audit.verify waits for sys.check  ['
	has ' of 4000 records'
}

@test "who may not see the status sees the time go by, and is refused once" {
	slow denied
	run -0 terminal -- "$VAULTCTL" audit verify
	has 'audit.verify  working, 1s'
	[[ $output != *denied* ]]
	[ "$(wc -l <"$DIR/log")" -eq 1 ]
}

@test "no bar without a terminal, in JSON, when quiet, or where it does not last" {
	slow work
	run -0 --separate-stderr vaultctl audit verify
	[ -z "$stderr" ]
	run -0 terminal -- "$VAULTCTL" --format json audit verify
	[[ $output != *$'\033'* && $output != *working* && $output != *records* ]]
	run -0 terminal -- "$VAULTCTL" --quiet audit verify
	[[ $output != *records* ]]
	[ ! -e "$DIR/log" ]
	kill "$SLOW" && wait_for_end "$SLOW"
	rm "$VAULTD_SOCKET"
	slow work 0.05
	run -0 terminal -- "$VAULTCTL" audit verify
	[[ $output != *records* ]]
}

@test "the deadline stays the one that was asked for" {
	slow work 20
	before=$SECONDS
	run -1 terminal -- "$VAULTCTL" --timeout 2 audit verify
	has 'in time'
	[ $((SECONDS - before)) -lt 10 ]
}
