# What is checked as a whole: the store, the audit, and what is kept of it elsewhere.
load lib

setup_file() {
	start_daemon
	head -c 64 /dev/urandom >"$DIR/vault.key"
	vaultctl init --keyfile "$DIR/vault.key" 2>/dev/null
	vaultctl tenant create acme
}
teardown_file() { stop_daemon; }

@test "check says that the store is whole" {
	run -0 vaultctl --format json check
	[ "$(jq .ok <<<"$output")" = true ]
}

@test "an error says where to look" {
	run -2 --separate-stderr vaultctl --tenant nope key list
	stderr_has 'vaultctl tenant list'
	run -2 --separate-stderr vaultctl --tenant acme secret get none
	stderr_has 'vaultctl secret list'
	run -2 --separate-stderr vaultctl --tenant acme key create k --algorithm HS257
	stderr_has '--algorithm takes HS256, HS512'
	run -2 --separate-stderr vaultctl --quiet --tenant nope key list
	[[ $stderr != *'vaultctl tenant list'* ]]
	run -1 --separate-stderr vaultctl --tenant acme key create k
	stderr_has 'see vaultctl key create --help'
}

@test "a record's parts have their units" {
	run -0 vaultctl tenant get acme
	has 'failures 100, window 5m, block 5m, enabled yes'
}

@test "status tells of the anchor" {
	run -0 vaultctl status
	has 'anchor        ok, revision'
}

@test "a checkpoint is written as it was signed" {
	sleep 0.2
	vaultctl --quiet audit checkpoint --size 2 >"$DIR/note"
	run -0 vaultctl --format json audit checkpoint --size 2
	jq -j .checkpoint <<<"$output" | cmp - "$DIR/note"
	[ "$(sed -n 2p "$DIR/note")" = 2 ]
	[ -z "$(sed -n 4p "$DIR/note")" ]
	[[ "$(sed -n 5p "$DIR/note")" == '— vaultd/'* ]]
}

@test "notes and reports" {
	run -0 vaultctl --tenant acme audit note --kind consent --text 'form 7'
	run -0 vaultctl --format json --tenant acme audit query --method audit.note
	[ "$(jq -r '.items[0].kind + ": " + .items[0].text' <<<"$output")" = 'consent: form 7' ]
	run -0 vaultctl audit report --kind broad_grants
	has owner
	run -2 vaultctl audit report --kind nothing
}

@test "an older store is refused until root accepts it" {
	vaultctl --yes seal
	cp -r "$DIR/state/store" "$DIR/old"
	vaultctl unseal --keyfile "$DIR/vault.key"
	vaultctl tenant create newer
	kill "$(cat "$DIR/pid")" && wait_for_end "$(cat "$DIR/pid")"
	rm -r "$DIR/state/store" && mv "$DIR/old" "$DIR/state/store"
	"$BUILD/vaultd" --config "$DIR/vaultd.conf" --state "$DIR/state" --runtime "$DIR/run" 2>>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	for _ in $(seq 100); do vaultctl --quiet status >/dev/null 2>&1 && break; sleep 0.05; done
	run -2 --separate-stderr vaultctl unseal --keyfile "$DIR/vault.key"
	stderr_has accept_rollback
	run -0 vaultctl unseal --keyfile "$DIR/vault.key" --accept-rollback
	run -0 vaultctl audit query --method accept-rollback
	has 'store revision'
}
