# Secrets on the command line: values in and out, a command that is given them, rotation, what is due.
load lib

terminal() { timeout 60 /usr/bin/python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"; }

setup_file() {
	start_daemon
	vaultctl --quiet init <<<"$PASSPHRASE"
	vaultctl --quiet tenant create acme
	export VAULTD_TENANT=acme LC_ALL=C.UTF-8
}
teardown_file() { stop_daemon; }

hook() {
	printf '#!/bin/bash\n%s\n' "$1" >"$BATS_TEST_TMPDIR/hook"
	chmod 755 "$BATS_TEST_TMPDIR/hook"
}
get() { vaultctl secret get "$@"; }

@test "bytes go in and come out as they are" {
	head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	run -0 vaultctl --quiet secret put bin "@$BATS_TEST_TMPDIR/in"
	[ "$output" = 1 ]
	get bin >"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	vaultctl --quiet secret put --name bin <"$BATS_TEST_TMPDIR/in"
	get bin --version 2 | cmp "$BATS_TEST_TMPDIR/in"
	printf 'no newline' | vaultctl --quiet secret put text -
	[ "$(get text | od -c | head -c 2000)" = "$(printf 'no newline' | od -c)" ]
	printf '' | vaultctl --quiet secret put empty
	[ "$(get empty | wc -c)" = 0 ]
}

@test "a value never stands on the command line" {
	run -1 --separate-stderr vaultctl secret put x hunter2
	stderr_has 'never from the command line'
	run -1 --separate-stderr vaultctl secret put x --value hunter2
	stderr_has 'stdin'
}

@test "a terminal is asked twice, and shown nothing unless it asks" {
	run -0 terminal 'Value: =hunter2' 'Once more: =hunter2' -- "$VAULTCTL" secret put typed
	[[ $output != *hunter2* ]]
	[ "$(get typed)" = hunter2 ]
	run -1 terminal 'Value: =hunter2' 'Once more: =hunter3' -- "$VAULTCTL" secret put typed
	has 'the two differ'
	run -1 terminal -- "$VAULTCTL" secret get typed
	has '--show'
	[[ $output != *hunter2* ]]
	run -0 terminal -- "$VAULTCTL" secret get typed --show
	has hunter2
}

@test "an unknown secret is the daemon's error" {
	run -2 --separate-stderr vaultctl secret get none
	[ -z "$output" ]
	stderr_has not_found
}

@test "run gives secrets in the environment and in sealed files" {
	printf 'hunter2' | vaultctl --quiet secret put db/password
	printf 'key\0bytes' | vaultctl --quiet secret put tls/key
	# shellcheck disable=SC2016
	run -0 vaultctl run --env PASSWORD=secret:db/password --file KEY=secret:tls/key -- \
		sh -c 'echo "$PASSWORD"; od -An -c <"$KEY"; (echo x >"$KEY") 2>/dev/null || echo sealed; echo "$KEY"; readlink "$KEY"; head -c 3 "$KEY"; head -c 3 "$KEY"'
	has hunter2
	has 'k   e   y  \0   b   y   t   e   s'
	has sealed
	has /proc/self/fd/
	has /memfd:
	has keykey
	run -1 --separate-stderr vaultctl run --env KEY=secret:tls/key -- true
	stderr_has 'zero byte'
	run -2 --separate-stderr vaultctl run --env X=secret:none -- touch "$BATS_TEST_TMPDIR/ran"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	run -1 --separate-stderr vaultctl run --env 1X=secret:a -- true
	run -1 --separate-stderr vaultctl run --env X=db/password -- true
	run -1 --separate-stderr vaultctl run --env X=secret:db/password
	stderr_has 'behind --'
}

@test "run replaces what the environment had, and leaves the rest" {
	export PASSWORD=before OTHER=stays
	# shellcheck disable=SC2016
	run -0 vaultctl run --env PASSWORD=secret:db/password -- sh -c 'echo "$PASSWORD $OTHER"'
	[ "$output" = 'hunter2 stays' ]
}

@test "exit codes and signals pass through" {
	run -7 vaultctl run -- sh -c 'exit 7'
	# shellcheck disable=SC2016
	run -143 vaultctl run -- sh -c 'kill -TERM $$'
	# shellcheck disable=SC2016
	run -137 vaultctl run -- sh -c 'kill -KILL $$'
	run -127 --separate-stderr vaultctl run -- no-such-command
	stderr_has 'No such file'
	run -126 --separate-stderr vaultctl run -- /etc/passwd
	for signal in TERM HUP USR1 USR2; do # a shell's background jobs ignore INT and QUIT
		"$VAULTCTL" run -- bash -c "trap 'echo got $signal; exit 9' $signal; echo ready; while :; do sleep 0.05; done" \
			>"$BATS_TEST_TMPDIR/said" 3>&- &
		pid=$!
		for _ in $(seq 100); do
			grep -q ready "$BATS_TEST_TMPDIR/said" && break
			sleep 0.05
		done
		kill -$signal $pid
		status=0
		wait $pid || status=$?
		[ $status -eq 9 ]
		grep -q "got $signal" "$BATS_TEST_TMPDIR/said"
	done
}

@test "nothing of a value is left in the memory of the one that waits" {
	printf 'QmArKeRvAlUe-%s' 4711 | vaultctl --quiet secret put marker
	"$VAULTCTL" run --env M=secret:marker --file F=secret:marker -- sleep 20 3>&- &
	pid=$!
	for _ in $(seq 100); do
		pgrep -P $pid sleep >/dev/null && break
		sleep 0.05
	done
	run -0 /usr/bin/python3 - $pid <<-'EOF2'
		import sys
		pid, found = sys.argv[1], 0
		with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
		    for line in maps:
		        span, mode = line.split()[:2]
		        if mode[0] != "r" or "[v" in line:
		            continue
		        start, end = (int(x, 16) for x in span.split("-"))
		        if end - start > 1 << 32:
		            continue  # a sanitizer's shadow
		        memory.seek(start)
		        found += b"QmArKeRvAlUe" in memory.read(end - start)
		print(found)
	EOF2
	[ "$output" = 0 ]
	[ "$(find "/proc/$pid/fd" -lname '/memfd:*' | wc -l)" = 0 ]
	child=$(pgrep -P $pid sleep)
	[ "$(find "/proc/$child/fd" -lname '/memfd:*' | wc -l)" = 1 ]
	kill $pid
	wait $pid || true
}

@test "rotate --exec: the hook has both values, and then the new one is current" {
	printf old | vaultctl --quiet secret put live
	# shellcheck disable=SC2016
	hook 'echo "$VAULT_TENANT $VAULT_SECRET $VAULT_OLD_VERSION $VAULT_NEW_VERSION $VAULT_RESUMED $1"; cat "$VAULT_OLD_FILE"; cp "$VAULT_NEW_FILE" '"$BATS_TEST_TMPDIR/target"
	run -0 --separate-stderr vaultctl secret rotate live --exec "$BATS_TEST_TMPDIR/hook" -- argument
	has 'acme live 1 2 0 argument'
	has old
	get live | cmp "$BATS_TEST_TMPDIR/target"
	[ "$(get live --stage previous)" = old ]
}

@test "rotate --exec: a hook that fails leaves everything as it was" {
	printf old | vaultctl --quiet secret put fails
	hook 'exit 3'
	run -1 --separate-stderr vaultctl secret rotate fails --exec "$BATS_TEST_TMPDIR/hook"
	stderr_has dropped
	[ "$(get fails)" = old ]
	run -2 vaultctl secret get fails --stage pending
	run -1 --separate-stderr vaultctl secret rotate fails --exec "$BATS_TEST_TMPDIR/none"
	run -2 vaultctl secret get fails --stage pending
}

@test "rotate --exec: a hook that does not know, or is killed, keeps the new value for the next run" {
	printf old | vaultctl --quiet secret put unsure
	hook 'exit 75'
	run -1 --separate-stderr vaultctl secret rotate unsure --exec "$BATS_TEST_TMPDIR/hook"
	stderr_has 'stays pending'
	first=$(get unsure --stage pending)
	# shellcheck disable=SC2016
	hook 'kill -9 $$'
	run -1 --separate-stderr vaultctl secret rotate unsure --exec "$BATS_TEST_TMPDIR/hook"
	stderr_has 'pending already'
	hook 'exit 1'
	run -1 --separate-stderr vaultctl secret rotate unsure --exec "$BATS_TEST_TMPDIR/hook"
	stderr_has 'stays pending'
	# shellcheck disable=SC2016
	hook '[ "$VAULT_RESUMED" = 1 ]'
	run -0 vaultctl --quiet secret rotate unsure --exec "$BATS_TEST_TMPDIR/hook"
	[ "$(get unsure)" = "$first" ]
}

@test "due: what a person reads, and JSON" {
	printf x | vaultctl --quiet secret put late/a --owner 'Ann, payments'
	run -0 vaultctl secret policy late/a --rotation-period 1s --generator '{"kind": "hex"}'
	printf x | vaultctl --quiet secret put late/b
	vaultctl --quiet secret policy late/b --rotation-period 30d
	sleep 2.1
	run -0 --separate-stderr vaultctl due
	has 'Ann, payments'
	has 'overdue by'
	[[ $output != *late/b* ]]
	run -0 --separate-stderr vaultctl due --within 60d
	[[ $(sed -n 1p <<<"$output") == WHAT*TENANT*NAME*OWNER*AGE*'LAST USED'*DUE ]]
	has 'in 29d'
	run -0 --separate-stderr vaultctl --format json due --within 60d
	[ "$(jq -r '.items[].name' <<<"$output" | paste -sd' ')" = 'late/a late/b' ]
	run -0 --separate-stderr vaultctl --tenant acme due
	vaultctl --quiet tenant create empty
	run -0 --separate-stderr vaultctl --tenant empty due
	stderr_has 'Nothing is due'
}

@test "completions know the commands and their options" {
	for shell in bash zsh fish; do
		run -0 vaultctl completion $shell
		has run
		has due
		has promote
	done
	run -0 vaultctl completion bash
	has '--exec'
	run -0 vaultctl run --help
	has '--env NAME=secret:SECRET'
	run -0 vaultctl secret rotate --help
	has '--exec HOOK'
}
