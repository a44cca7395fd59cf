# Roles and grants, as an operator sees them.
load lib

setup_file() {
	start_daemon
	vaultctl --quiet init <<<"$PASSPHRASE"
	vaultctl tenant create acme
	vaultctl grant put uid:990 signer --tenants acme --names 'launch*' --unit lms.service
	vaultctl grant put uid:991 security-admin --tenants acme,beta --may-grant signer --mfa --not-after +90d
}
teardown_file() { stop_daemon; }

@test "grants are a table that tells their conditions" {
	run -0 vaultctl grant list
	[[ ${lines[0]} == GRANT*PRINCIPAL*ROLE*TENANTS*NAMES*UNIT*MFA*"MAY GRANT"* ]]
	has 'uid:990'
	has 'lms.service'
	has 'acme, beta'
	run -0 vaultctl grant list --role signer
	[ ${#lines[@]} -eq 2 ]
	run -0 vaultctl --quiet grant list --role owner
	[ "$output" = uid:0 ]
}

@test "a role with many methods leaves its table readable" {
	run -0 vaultctl role list
	for line in "${lines[@]}"; do [ ${#line} -lt 160 ]; done
	has ' in all'
	run -0 vaultctl role get owner
	for line in "${lines[@]}"; do [ ${#line} -le 80 ]; done
	[[ $output != *' in all'* ]]
	# Whole in both, where programs read it.
	[ "$(vaultctl --format json role get owner | jq '.methods | length')" -gt 40 ]
	run -0 vaultctl role get owner
	[ "$(sed -n '/^methods/,/^built_in/p' <<<"$output" | grep -o '[a-z]*\.[a-z_]*' | wc -l)" -eq \
		"$(vaultctl --format json role get owner | jq '.methods | length')" ]
}

@test "whoami and explain say it in words" {
	run -0 vaultctl auth whoami
	has 'uid:0'
	has 'owner'
	run -0 vaultctl policy explain token.sign --tenant acme --name other --principal uid:990
	has 'for other names'
	has 'signer'
	run -0 vaultctl policy explain token.sign --tenant acme --name launch --principal uid:990
	has 'another systemd unit'
}

@test "roles and grants are refused with a reason" {
	run -2 --separate-stderr vaultctl grant put uid:0 signer --tenants acme
	stderr_has 'nobody grants to himself'
	run -2 --separate-stderr vaultctl role put owner --methods token.sign
	stderr_has 'built-in'
	run -2 --separate-stderr vaultctl role put mine --methods 'slot.add*'
	stderr_has 'literally'
	run -2 --separate-stderr vaultctl grant delete uid:0
	stderr_has 'give grant.put to another first'
}
