# A rehearsal: taken, restored with a slot's secret, signed by the daemon.
load lib

setup_file() {
	start_daemon
	vaultctl --quiet init <<<"$PASSPHRASE" >/dev/null
	vaultctl tenant create acme
	vaultctl --tenant acme key create k --algorithm EdDSA
	printf 'value' | vaultctl --tenant acme secret put db/password
	printf '%s\n' "$PASSPHRASE" >"$DIR/passphrase"
	printf 'wrong\n' >"$DIR/wrong"
	mkdir "$DIR/scratch"
}
teardown_file() { stop_daemon; }

drill() { vaultctl backup drill --scratch "$DIR/scratch" --vaultd "$BUILD/vaultd" "$@"; }

@test "a drill with a secret restores, and prints the signed record" {
	run -0 --separate-stderr drill --passphrase-file "$DIR/passphrase"
	[ "${lines[0]}" = vaultd-drill-1 ]
	[[ "$output" == *"result: ok"* && "$output" == *"signature: "* ]]
	stderr_has 'take     ok'
	stderr_has 'restore  ok'
	stderr_has 'rehearse ok'
	[ -z "$(ls "$DIR/scratch")" ]
	run -0 vaultctl --format json status
	[ "$(jq '.last_drill > 1700000000' <<<"$output")" = true ]
	[ "$(jq '.last_backup' <<<"$output")" = null ]
}

@test "without a secret the daemon's part alone, and it says so" {
	run -0 --separate-stderr drill --record "$DIR/record"
	[ -z "$output" ]
	stderr_has 'left out'
	[ "$(head -1 "$DIR/record")" = vaultd-drill-1 ]
	[ "$(stat -c %a "$DIR/record")" = 600 ]
}

@test "a secret that does not open it fails the drill, and nothing stays" {
	run -1 --separate-stderr drill --passphrase-file "$DIR/wrong"
	stderr_has 'does not open with this secret'
	stderr_has 'restore  FAILED'
	[ -z "$output" ]
	[ -z "$(ls "$DIR/scratch")" ]
}

@test "as JSON" {
	run -0 --separate-stderr vaultctl --format json --quiet backup drill --scratch "$DIR/scratch"
	[ "$(jq -r '.ok, .restored' <<<"$output")" = $'true\nfalse' ]
	[ "$(jq -r .record <<<"$output" | head -1)" = vaultd-drill-1 ]
}

@test "wrong usage" {
	run -1 --separate-stderr drill more
	run -1 --separate-stderr vaultctl backup drill --scratch "$DIR/nowhere"
	run -1 --separate-stderr vaultctl backup drill --scratch "$DIR/scratch" --vaultd "$DIR/no" \
		--passphrase-file "$DIR/passphrase"
	stderr_has 'cannot be run'
}

@test "the timer's script writes dated backups and keeps the newest" {
	mkdir "$DIR/backups"
	touch "$DIR/backups/mine"
	export VAULTD_BACKUP_DIR=$DIR/backups VAULTD_BACKUP_KEEP=2 VAULTD_BACKUP_OPTIONS=--split-keys
	touch "$DIR/backups/vaultd-20200101T000000Z" "$DIR/backups/vaultd-20200101T000000Z.keys"
	touch "$DIR/backups/vaultd-20210101T000000Z"
	PATH=$(realpath "$BUILD"):$PATH run -0 sh "$BATS_TEST_DIRNAME/../../packaging/vaultd-backup.sh"
	[ "$(find "$DIR/backups" -name 'vaultd-*Z' | wc -l)" -eq 2 ]
	[ ! -e "$DIR/backups/vaultd-20200101T000000Z" ]
	[ ! -e "$DIR/backups/vaultd-20200101T000000Z.keys" ]
	[ -e "$DIR/backups/vaultd-20210101T000000Z" ]
	[ -e "$DIR/backups/mine" ]
	export VAULTD_BACKUP_KEEP=none
	PATH=$(realpath "$BUILD"):$PATH run -1 sh "$BATS_TEST_DIRNAME/../../packaging/vaultd-backup.sh"
}
