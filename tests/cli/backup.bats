# Backups: made, looked at, verified.
load lib

setup_file() {
	start_daemon
	vaultctl --quiet init <<<"$PASSPHRASE" >/dev/null
	vaultctl tenant create acme
	printf 'value' | vaultctl --tenant acme secret put db/password
}
teardown_file() { stop_daemon; }

@test "create writes a file of its own, whole" {
	run -0 --separate-stderr vaultctl backup create "$DIR/one"
	[ "${#output}" -eq 32 ]
	[ -z "$stderr" ]
	[ "$(stat -c %a "$DIR/one")" = 600 ]
	[ -z "$(find "$DIR" -maxdepth 1 -name '*.new')" ]
	run -0 vaultctl --format json status
	[ "$(jq '.last_backup > 1700000000' <<<"$output")" = true ]
}

@test "create replaces nothing that is there" {
	cp "$DIR/one" "$DIR/before"
	run -1 --separate-stderr vaultctl backup create "$DIR/one"
	stderr_has 'there already'
	cmp "$DIR/one" "$DIR/before"
	run -0 vaultctl backup create --force "$DIR/one"
	run -1 cmp -s "$DIR/one" "$DIR/before"
	[ "$(stat -c %a "$DIR/one")" = 600 ]
	run -1 --separate-stderr vaultctl backup create "$DIR/not/there"
	run -1 --separate-stderr vaultctl backup create
	run -1 --separate-stderr vaultctl backup create "$DIR/a" "$DIR/b"
	[ -z "$(find "$DIR" -maxdepth 1 -name '*.new')" ]
}

@test "a refused one leaves nothing" {
	run -2 --separate-stderr vaultctl backup create "$DIR/refused" --recipient nobody
	stderr_has denied
	run -2 --separate-stderr vaultctl backup create "$DIR/refused" --passphrase - <<<"$PASSPHRASE"
	stderr_has denied
	run -1 --separate-stderr vaultctl backup create "$DIR/refused" --passphrase secret
	stderr_has 'never stands on the command line'
	[ -z "$(find "$DIR" -name 'refused*')" ]
}

@test "inspect tells who can open it" {
	run -0 vaultctl backup inspect "$DIR/one"
	has 'passphrase initial'
	has 'store'
	run -0 vaultctl --format json backup inspect "$DIR/one"
	[ "$(jq -r '.openers[0].name' <<<"$output")" = initial ]
	[ "$(jq '.bytes' <<<"$output")" = "$(stat -c %s "$DIR/one")" ]
	run -3 --separate-stderr vaultctl backup inspect /bin/true
	run -1 --separate-stderr vaultctl backup inspect "$DIR/nowhere"
}

@test "verify, with a secret and without" {
	run -0 --separate-stderr vaultctl backup verify "$DIR/one"
	stderr_has 'Good: framing'
	run -0 --separate-stderr vaultctl backup verify "$DIR/one" --passphrase - <<<"$PASSPHRASE"
	stderr_has 'every chunk and item opens'
	run -1 --separate-stderr vaultctl backup verify "$DIR/one" --passphrase - <<<"wrong $PASSPHRASE"
	stderr_has 'does not open it'
	printf '%040d' 1 >"$DIR/keyfile"
	run -1 --separate-stderr vaultctl backup verify "$DIR/one" --keyfile "$DIR/keyfile"
	stderr_has 'nothing of that kind'
	run -1 --separate-stderr vaultctl backup verify "$DIR/one" --passphrase - --slot two <<<"$PASSPHRASE"
	signer=$(vaultctl --format json backup inspect "$DIR/one" | jq -r .signed_by)
	run -0 vaultctl backup verify "$DIR/one" --signed-by "$signer"
	run -3 vaultctl backup verify "$DIR/one" --signed-by "x$signer"
}

@test "verify refuses what is not whole" {
	size=$(stat -c %s "$DIR/one")
	head -c $((size - 1)) "$DIR/one" >"$DIR/cut"
	run -3 --separate-stderr vaultctl backup verify "$DIR/cut"
	stderr_has 'not a whole'
	{ cat "$DIR/one"; printf x; } >"$DIR/long"
	run -3 vaultctl backup verify "$DIR/long"
	cp "$DIR/one" "$DIR/flip"
	printf '\xff' | dd of="$DIR/flip" bs=1 seek=$((size / 2)) conv=notrunc status=none
	run -3 vaultctl backup verify "$DIR/flip"
	run -3 vaultctl backup verify /dev/null
}

@test "split keys are verified with what they were split from" {
	run -0 vaultctl backup create "$DIR/split" --split-keys
	[ "$(stat -c %a "$DIR/split.keys")" = 600 ]
	run -0 --separate-stderr vaultctl backup verify "$DIR/split"
	stderr_has 'in another file'
	run -0 vaultctl backup verify "$DIR/split" --keys "$DIR/split.keys" --passphrase - <<<"$PASSPHRASE"
	run -0 vaultctl backup create "$DIR/other" --split-keys
	run -3 --separate-stderr vaultctl backup verify "$DIR/split" --keys "$DIR/other.keys"
	stderr_has 'not the keys'
	run -0 vaultctl backup inspect "$DIR/split.keys"
	has 'of a split backup'
}

@test "a recipient whose private half is elsewhere" {
	run -0 --separate-stderr vaultctl backup identity "$DIR/identity" safe
	[ "$(stat -c %a "$DIR/identity")" = 600 ]
	printf '%s\nbackup_passphrase = true\n' "$output" >"$DIR/vaultd.conf"
	run -1 vaultctl backup identity "$DIR/identity"
	kill "$(cat "$DIR/pid")" && wait_for_end "$(cat "$DIR/pid")"
	"$BUILD/vaultd" --config "$DIR/vaultd.conf" --state "$DIR/state" --runtime "$DIR/run" 2>>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	for _ in $(seq 200); do vaultctl --quiet status >/dev/null 2>&1 && break; sleep 0.05; done
	vaultctl unseal <<<"$PASSPHRASE"
	run -0 vaultctl backup create "$DIR/safe" --recipient safe
	run -0 vaultctl backup inspect "$DIR/safe"
	has 'identity safe'
	run -0 vaultctl backup verify "$DIR/safe" --identity "$DIR/identity"
	run -1 vaultctl backup verify "$DIR/safe" --passphrase - <<<"$PASSPHRASE"
	vaultctl --quiet backup identity "$DIR/another" >/dev/null
	run -1 vaultctl backup verify "$DIR/safe" --identity "$DIR/another"
	run -1 vaultctl backup verify "$DIR/safe" --identity "$DIR/one"
	run -0 vaultctl backup create "$DIR/words" --passphrase - <<<'another correct horse'
	run -0 vaultctl backup verify "$DIR/words" --passphrase - <<<'another correct horse'
	run -1 vaultctl backup verify "$DIR/words" --passphrase - <<<"$PASSPHRASE"
}

@test "a terminal sees how far it has got" {
	run -0 python3 "$BATS_TEST_DIRNAME/terminal.py" -- "$VAULTCTL" backup create --force "$DIR/one"
	has '100%'
	has '/s'
	run -0 python3 "$BATS_TEST_DIRNAME/terminal.py" -- "$VAULTCTL" --quiet backup create --force "$DIR/one"
	[[ $output != *%* ]]
}

@test "what is interrupted leaves nothing" {
	kill -STOP "$(cat "$DIR/pid")"
	"$VAULTCTL" backup create "$DIR/interrupted" 3>&- &
	pid=$!
	for _ in $(seq 100); do [ -n "$(find "$DIR" -name 'interrupted*.new')" ] && break; sleep 0.05; done
	[ -n "$(find "$DIR" -name 'interrupted*.new')" ]
	kill -TERM "$pid"
	kill -CONT "$(cat "$DIR/pid")"
	wait "$pid" && status=0 || status=$?
	[ "$status" -eq 143 ]
	[ -z "$(find "$DIR" -name 'interrupted*')" ]
}
