# An operator's first day: init, seal, unseal, status.
load lib

setup_file() { start_daemon; }
teardown_file() { stop_daemon; }

@test "a new daemon waits for init" {
	run -0 vaultctl --quiet status
	[ "$output" = uninitialized ]
	run -0 vaultctl status
	[[ $output != *'store id'* ]]
	run -2 --separate-stderr vaultctl tenant list
	stderr_has 'Run: vaultctl init'
	run -2 --separate-stderr vaultctl --format json tenant list
	[ "$(jq -r .code <<<"$stderr")" = uninitialized ]
}

@test "a short passphrase is refused" {
	run -2 --separate-stderr vaultctl init <<<short
	stderr_has passphrase
	run -0 vaultctl --quiet status
	[ "$output" = uninitialized ]
}

@test "init by stdin leaves the vault open" {
	run -0 --separate-stderr vaultctl init <<<"$PASSPHRASE"
	has audit_key
	has initial
	run -0 vaultctl --quiet status
	[ "$output" = unsealed ]
	run -2 --separate-stderr vaultctl init <<<"$PASSPHRASE"
	stderr_has already_initialized
}

@test "status is for people and for programs" {
	run -0 vaultctl status
	has unsealed
	has 'you are'
	run -0 vaultctl --format json status
	[ "$(jq -c '[.initialized, .sealed, .audit.ok]' <<<"$output")" = '[true,false,true]' ]
	run -0 vaultctl sys status
	has 'ok yes, revision '
}

@test "who may not see the status is told nothing of backups" {
	chmod 755 "$DIR" "$DIR/run"
	chmod 666 "$VAULTD_SOCKET"
	run -0 setpriv --reuid nobody --clear-groups "$VAULTCTL" status
	chmod 700 "$DIR/run"
	has unsealed
	has 'you are       uid:'
	[[ $output != *never* ]]
}

@test "sealed until the right passphrase comes" {
	run -0 vaultctl seal
	run -0 vaultctl --quiet status
	[ "$output" = sealed ]
	run -0 vaultctl status
	has 'vaultctl unseal'
	run -2 --separate-stderr vaultctl tenant list
	stderr_has 'Run: vaultctl unseal'
	run -2 --separate-stderr vaultctl unseal <<<'wrong wrong wrong'
	stderr_has denied
	printf '%s\n' "$PASSPHRASE" >"$DIR/passphrase"
	run -0 vaultctl unseal --passphrase "@$DIR/passphrase"
	run -0 vaultctl --quiet status
	[ "$output" = unsealed ]
}

@test "methods tells what the daemon can do" {
	run -0 vaultctl methods
	has token.sign
	run -0 vaultctl call sys.methods
	[ "$(jq '.items | length > 10' <<<"$output")" = true ]
}
