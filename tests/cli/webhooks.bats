# Webhooks and encryption from a shell.
load lib

setup_file() {
	start_daemon
	vaultctl --quiet init <<<"$PASSPHRASE"
	export VAULTD_TENANT=acme
	vaultctl tenant create acme
	printf 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' >"$DIR/secret"
	vaultctl key import hook HS256 --usage webhook --secret "@$DIR/secret"
	vaultctl key create pair EdDSA --usage webhook
	vaultctl key create column XC20P
	printf '{"test": 2432232314}' >"$DIR/body"
}
teardown_file() { stop_daemon; }

@test "headers are lines that curl takes" {
	run -0 --separate-stderr vaultctl webhook sign hook "@$DIR/body" --id msg_p5jXN8AQM9LWM0D4loKWxJek \
		--timestamp 2021-02-25T15:02:10Z
	[ "$output" = 'webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek
webhook-timestamp: 1614265330
webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' ]
	[ -z "$stderr" ]
	run -0 vaultctl --quiet webhook sign --key hook --payload - --scheme github <"$DIR/body"
	[[ $output =~ ^X-Hub-Signature-256:\ sha256=[0-9a-f]{64}$ ]]
	run -0 vaultctl webhook sign hook --scheme stripe <"$DIR/body"
	[[ $output =~ ^Stripe-Signature:\ t=[0-9]+,v1=[0-9a-f]{64}$ ]]
	run -0 vaultctl --format json webhook sign hook <"$DIR/body"
	[ "$(jq -r '.headers | keys | join(" ")' <<<"$output")" = 'webhook-id webhook-signature webhook-timestamp' ]
}

@test "what was signed verifies" {
	for key in hook pair; do
		vaultctl webhook sign "$key" "@$DIR/body" >"$DIR/headers"
		run -0 vaultctl webhook verify "$key" "@$DIR/body" --headers "@$DIR/headers"
		has 'valid'
		mapfile -t lines <"$DIR/headers"
		run -0 vaultctl --quiet webhook verify "$key" --header "${lines[0]}" --header "${lines[1]}" \
			--header "WebHook-Signature:${lines[2]#*:}" --header 'Host: example.org' <"$DIR/body"
		run -3 vaultctl webhook verify "$key" --headers "@$DIR/headers" <<<'another body'
		has 'signature'
	done
}

@test "not valid is 3, and says why" {
	vaultctl webhook sign hook "@$DIR/body" --timestamp -1h >"$DIR/headers"
	run -3 vaultctl webhook verify hook "@$DIR/body" --headers "@$DIR/headers"
	has 'timestamp'
	run -0 vaultctl webhook verify hook "@$DIR/body" --headers "@$DIR/headers" --tolerance 2h
	run -3 vaultctl --format json webhook verify hook "@$DIR/body" --header 'webhook-id: m'
	[ "$(jq -r .reason <<<"$output")" = malformed ]
	run -3 vaultctl --format json webhook verify hook "@$DIR/body" --headers '{"webhook-id": "m"}'
	# A header that came twice is a list of its values.
	run -3 vaultctl webhook verify hook "@$DIR/body" --headers "@$DIR/headers" --header 'webhook-id: other' --tolerance 2h
	has 'malformed'
	line=$(sed -n 3p "$DIR/headers")
	run -0 vaultctl webhook verify hook "@$DIR/body" --headers "@$DIR/headers" --header "$line" --tolerance 2h
}

@test "wrong usage is 1" {
	run -1 --separate-stderr vaultctl webhook verify hook "@$DIR/body"
	stderr_has -- '--header'
	run -1 --separate-stderr vaultctl webhook verify hook "@$DIR/body" --header 'no colon'
	stderr_has 'Name: value'
	run -1 --separate-stderr vaultctl webhook sign hook inline-payload
	stderr_has '@FILE'
	run -2 --separate-stderr vaultctl webhook sign column "@$DIR/body"
	stderr_has conflict
}

@test "encrypt and decrypt in a pipe" {
	printf 'line one\n\0line two' >"$DIR/plain"
	printf 'users/1' >"$DIR/context"
	vaultctl --quiet crypto encrypt column --context users/1 <"$DIR/plain" >"$DIR/sealed"
	vaultctl crypto decrypt column --context "@$DIR/context" <"$DIR/sealed" | cmp - "$DIR/plain"
	vaultctl --quiet crypto encrypt column --context "@$DIR/context" <"$DIR/plain" >"$DIR/sealed"
	[[ $(cat "$DIR/sealed") =~ ^AQAAAA[E-H][A-Za-z0-9_-]+$ ]]
	vaultctl crypto decrypt column --context users/1 <"$DIR/sealed" | cmp - "$DIR/plain"
	run -2 --separate-stderr vaultctl crypto decrypt column <"$DIR/sealed"
	stderr_has integrity
}

@test "ciphertexts as bytes" {
	vaultctl --format json crypto encrypt column "@$DIR/body" >"$DIR/json"
	text=$(jq -r '.ciphertext["$bytes"]' "$DIR/json")
	while ((${#text} % 4)); do text+='='; done
	basenc --base64url -d <<<"$text" >"$DIR/raw"
	vaultctl crypto decrypt column "@$DIR/raw" | cmp - "$DIR/body"
	vaultctl key rotate column
	vaultctl --quiet crypto rewrap column "@$DIR/raw" >"$DIR/again"
	[[ $(cat "$DIR/again") =~ ^AQAAAA[I-L] ]]
	vaultctl crypto decrypt column "@$DIR/again" | cmp - "$DIR/body"
	run -2 --separate-stderr vaultctl crypto decrypt column <<<'nothing of ours'
	stderr_has integrity
}

@test "data keys" {
	run -0 vaultctl --format json crypto datakey column --bytes 16
	[ "$(jq -r '.plaintext["$bytes"] | length' <<<"$output")" -eq 22 ]
}
