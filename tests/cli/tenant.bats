# A tenant's life behind its making: a new key, its data in plain form, its end.
load lib

setup_file() {
	start_daemon
	vaultctl init <<<"$PASSPHRASE" >/dev/null
	vaultctl tenant create acme
	export VAULTD_TENANT=acme
	vaultctl key create k --algorithm EdDSA
	echo -n geheim | vaultctl secret put db/password
}
teardown_file() { stop_daemon; }

@test "a rekey is waited for" {
	run -0 --separate-stderr vaultctl tenant rekey acme
	stderr_has 'new key'
	[ "$(vaultctl secret get db/password)" = geheim ]
	run -0 vaultctl --quiet tenant rekey acme --no-wait
	[ -z "$output" ]
	run -2 --separate-stderr vaultctl tenant rekey nobody
	stderr_has not_found
}

@test "its data as JSON, without values" {
	run -0 vaultctl --format json tenant data acme --all
	[ "$(jq -r '[.items[].type] | sort | join(" ")' <<<"$output")" = 'key secret tenant' ]
	[ "$(jq -r '.items[] | select(.type == "secret") | .name' <<<"$output")" = db/password ]
	[[ $output != *geheim* ]]
}

@test "erasing asks for the name, and gives a certificate" {
	run -1 --separate-stderr vaultctl --yes tenant erase acme
	stderr_has confirm
	run -2 --separate-stderr vaultctl --yes tenant erase acme --confirm other
	stderr_has confirm
	run -0 --separate-stderr vaultctl --yes tenant erase acme --confirm acme
	[ "${lines[0]}" = vaultd-erasure-1 ]
	has 'tenant: acme'
	has 'signature: '
	stderr_has overwritten
	run -2 vaultctl secret get db/password
	[ "$(vaultctl --format json status | jq .tenants)" = 0 ]
	[ "$(vaultctl --format json status | jq .background.erasures)" = null ]
}

@test "a certificate in JSON" {
	vaultctl tenant create acme
	run -0 --separate-stderr vaultctl --yes --format json tenant erase acme --confirm acme --no-wait
	[ "$(jq -r .certificate <<<"$output" | head -1)" = vaultd-erasure-1 ]
	[ "$(jq -c .backups <<<"$output")" = '[]' ]
}

@test "a tenant goes by file" {
	vaultctl tenant create mover
	echo -n wert | vaultctl --tenant mover secret put s
	echo -n 'a long enough passphrase' >"$DIR/pass"
	run -0 --separate-stderr vaultctl --tenant mover tenant export "$DIR/mover.vt" --passphrase "@$DIR/pass"
	[ "$(stat -c %a "$DIR/mover.vt")" = 600 ]
	run -1 --separate-stderr vaultctl --tenant mover tenant export "$DIR/mover.vt" --passphrase "@$DIR/pass"
	run -2 --separate-stderr vaultctl tenant import "$DIR/mover.vt" --passphrase "@$DIR/pass"
	stderr_has exists
	run -0 --separate-stderr vaultctl --tenant moved tenant import "$DIR/mover.vt" --passphrase "@$DIR/pass"
	[ "$output" = moved ]
	[ "$(vaultctl --tenant moved secret get s)" = wert ]
	echo -n 'quite another passphrase' >"$DIR/pass"
	run -2 --separate-stderr vaultctl --tenant third tenant import "$DIR/mover.vt" --passphrase "@$DIR/pass"
	stderr_has denied
}
