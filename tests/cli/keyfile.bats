# The same with a key file.
load lib

setup_file() {
	start_daemon
	head -c 64 /dev/urandom >"$DIR/vault.key"
	head -c 64 /dev/urandom >"$DIR/other.key"
}
teardown_file() { stop_daemon; }

@test "init, seal and unseal with a key file" {
	run -0 vaultctl init --keyfile "$DIR/vault.key"
	run -0 vaultctl --yes seal
	run -2 vaultctl unseal --keyfile "$DIR/other.key"
	run -1 --separate-stderr vaultctl unseal --keyfile "$DIR/missing.key"
	stderr_has 'No such file'
	run -0 vaultctl unseal --keyfile "@$DIR/vault.key"
	run -0 vaultctl --quiet status
	[ "$output" = unsealed ]
}
