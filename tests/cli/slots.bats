# Unseal slots from the command line: shares, adding, removing, a new root key.
load lib

setup_file() { start_daemon; }
teardown_file() { stop_daemon; }

# The words of share N as init printed them.
share() { sed -n "/^share $1 of/{n;p}" "$DIR/init"; }

@test "init prints each share, numbered, and says that it is the only time" {
	run -0 --separate-stderr vaultctl init --shares 5 --threshold 3
	printf '%s\n' "$output" >"$DIR/init"
	has 'share 1 of 5:'
	has 'share 5 of 5:'
	has audit_key
	[ "$(share 2 | wc -w)" -eq 33 ]
	stderr_has 'shown only this once'
	[ "$(vaultctl --format json slot list | jq -c '.items[0] | [.slot, .kind, .threshold, .shares]')" = '["initial","shares",3,5]' ]
}

@test "a threshold is not forgotten" {
	run -2 --separate-stderr vaultctl slot add more --shares 3
	stderr_has threshold
}

@test "unseal takes one share at a time, from stdin or a file" {
	vaultctl seal
	run -0 --separate-stderr vaultctl unseal --share <<<"$(share 4)"
	stderr_has '2 more shares are needed'
	run -0 --separate-stderr vaultctl unseal --share - <<<"$(share 4)"
	stderr_has '2 more shares are needed'
	run -0 vaultctl --format json status
	[ "$(jq -c .unseal <<<"$output")" = '{"slot":"initial","have":1,"needed":2}' ]
	run -0 vaultctl status
	has '1 of 3 shares of initial'
	share 1 >"$DIR/share"
	run -0 --separate-stderr vaultctl unseal --share "@$DIR/share"
	stderr_has 'One more share is needed'
	run -0 vaultctl --quiet status
	[ "$output" = sealed ]
	run -0 --separate-stderr vaultctl unseal --share <<<"$(share 5)"
	run -0 vaultctl --quiet status
	[ "$output" = unsealed ]
}

@test "a share on a terminal is not echoed" {
	vaultctl seal
	vaultctl unseal --share <<<"$(share 1)"
	vaultctl unseal --share <<<"$(share 2)"
	run -0 python3 "$BATS_TEST_DIRNAME/terminal.py" "share: =$(share 3)" -- "$VAULTCTL" unseal --share
	[[ $output != *"$(share 3)"* ]]
	run -0 vaultctl --quiet status
	[ "$output" = unsealed ]
}

@test "a typing error is told as one" {
	vaultctl seal
	run -2 --separate-stderr vaultctl unseal --share <<<"$(share 1 | sed 's/[^ ]* /academic /7')"
	stderr_has share
	stderr_has mistyped
	for n in 3 1 2; do vaultctl unseal --share <<<"$(share $n)"; done
	run -0 vaultctl --quiet status
	[ "$output" = unsealed ]
}

@test "a share is never an argument" {
	run -1 --separate-stderr vaultctl unseal --share "$(share 1)"
	stderr_has 'stdin'
}

@test "slots are added, listed, replaced and removed" {
	run -0 vaultctl slot add console <<<"$PASSPHRASE"
	has console
	head -c 32 /dev/urandom >"$DIR/key"
	run -0 vaultctl slot add disk --keyfile "$DIR/key"
	run -2 --separate-stderr vaultctl slot add disk --keyfile "$DIR/key"
	stderr_has exists
	run -0 --separate-stderr vaultctl --quiet slot add board --shares 3 --threshold 2
	[ "$(wc -l <<<"$output")" -eq 3 ]
	[ "$(wc -w <<<"$output")" -eq 99 ]
	run -0 vaultctl slot list
	has passphrase
	has keyfile
	run -0 vaultctl slot add board --replace --keyfile "$DIR/key"
	run -0 vaultctl slot remove initial --yes
	vaultctl seal
	run -2 --separate-stderr vaultctl unseal --share <<<"$(share 1)"
	stderr_has denied
	run -0 vaultctl unseal --slot console <<<"$PASSPHRASE"
	run -0 vaultctl --quiet status
	[ "$output" = unsealed ]
}

@test "a new root key" {
	run -0 vaultctl sys rekey
	has generation
	vaultctl seal
	run -0 vaultctl unseal --keyfile "$DIR/key" --slot disk
	run -0 vaultctl audit verify
}

@test "the last slot stays" {
	vaultctl slot remove disk --yes
	vaultctl slot remove board --yes
	run -2 --separate-stderr vaultctl slot remove console --yes
	stderr_has conflict
}
