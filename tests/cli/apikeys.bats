# API keys on the command line.
load lib

setup_file() {
	start_daemon
	vaultctl --quiet init <<<"$PASSPHRASE"
	export VAULTD_TENANT=acme
	vaultctl tenant create acme
}
teardown_file() { stop_daemon; }

@test "a key is made, verified, rotated and revoked" {
	run -0 vaultctl --format json apikey create portal --scopes write --sources 192.0.2.0/24 --expires-at 2100-01-01T00:00:00Z \
		--metadata plan=gold
	key=$(jq -r .key <<<"$output")
	id=$(jq -r .id <<<"$output")
	run -0 vaultctl apikey verify - --scope read --source 192.0.2.9 <<<"$key"
	has portal
	run -3 vaultctl apikey verify - --scope admin --source 192.0.2.9 <<<"$key"
	has scope
	run -0 vaultctl apikey list
	has "$id"
	run -0 vaultctl apikey get "$id"
	has '192.0.2.0/24'
	run -0 vaultctl --format json apikey rotate "$id" --grace 1h
	[ "$(jq -r .replaces <<<"$output")" = "$id" ]
	run -0 vaultctl apikey revoke "$id" --reason leaked
	run -3 vaultctl apikey verify - --source 192.0.2.9 <<<"$key"
	has revoked
}

@test "a key never stands on the command line" {
	run -1 --separate-stderr vaultctl apikey verify vk_live_x
	stderr_has 'never from the command line'
}

@test "many are revoked at once" {
	vaultctl apikey create one --scopes read >/dev/null
	run -0 vaultctl apikey revoke --created-before 2100-01-01T00:00:00Z --kind ancillary
	run -0 vaultctl --format json apikey list --state active
	[ "$(jq '.items | length' <<<"$output")" = 0 ]
}
