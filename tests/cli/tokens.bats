# A tenant's keys, profiles and tokens.
load lib

setup_file() {
	start_daemon
	vaultctl --quiet init <<<"$PASSPHRASE"
	export VAULTD_TENANT=acme
	vaultctl tenant create acme --display-name 'Acme, Inc.' --labels plan=gold --labels 'seats:=25'
	vaultctl key create launch-key EdDSA
	vaultctl key create hs --algorithm HS256
	vaultctl key create raw EdDSA --usage raw
	vaultctl profile put launch --key launch-key --issuer https://lms.example --audience scorm,lti --ttl 5m --max-ttl 1h \
		--scopes play --scopes report --claims course,attempt
}
teardown_file() { stop_daemon; }

@test "tenants" {
	run -0 vaultctl tenant get acme
	has 'Acme, Inc.'
	run -0 vaultctl --format json tenant get acme
	[ "$(jq -c .labels <<<"$output")" = '{"plan":"gold","seats":25}' ]
	run -2 --separate-stderr vaultctl tenant create acme
	stderr_has exists
	run -2 --separate-stderr vaultctl --format json tenant create Bad!Name
	[ "$(jq -r '.code + " " + .field' <<<"$stderr")" = 'invalid_params tenant' ]
}

@test "a tenant's limits, as members or as JSON" {
	show() { vaultctl --format json tenant get acme | jq -c "$1"; }
	vaultctl tenant update acme --limits hot.rate=5,hot.burst=10 --limits write.rate=3
	[ "$(show .limits)" = '{"hot":{"rate":5,"burst":10},"write":{"rate":3,"burst":3}}' ]
	vaultctl tenant update acme --limits '{"read":{"rate":9}}' --source-limit window=5m,enabled=no --retention 90d
	[ "$(show .limits)" = '{"read":{"rate":9,"burst":9}}' ]
	[ "$(show .source_limit)" = '{"failures":100,"window":300,"block":300,"enabled":false}' ]
	[ "$(show .retention)" = 7776000 ]
	vaultctl tenant update acme --clear limits,source_limit,retention
	[ "$(show .limits)" = null ]
	run -1 --separate-stderr vaultctl tenant update acme --limits hot.rats=5
	stderr_has 'no member hot.rats'
	run -1 --separate-stderr vaultctl tenant update acme --limits cold.rate=5
	stderr_has 'no member cold.rate'
	run -1 --separate-stderr vaultctl tenant update acme --limits hot=5
	stderr_has 'no member hot'
	run -1 --separate-stderr vaultctl tenant update acme --limits hot.rate=fast
	stderr_has 'is not a number'
	run -1 --separate-stderr vaultctl tenant update acme --limits hot
	stderr_has 'MEMBER=VALUE'
	vaultctl tenant settings acme --allowed-origins https://a.example,http://localhost:3000
	[ "$(show .allowed_origins)" = '["https://a.example","http://localhost:3000"]' ]
	vaultctl tenant suspend acme
	run -2 --separate-stderr vaultctl tenant get acme
	stderr_has suspended
	vaultctl tenant resume acme
	[ "$(show .state)" = '"active"' ]
}

@test "lists are paged, by hand or with --all" {
	for i in $(seq 7); do vaultctl tenant create "many-$i" 2>/dev/null; done
	run -0 --separate-stderr vaultctl tenant list --limit 3
	stderr_has 'give --all'
	run -0 vaultctl --quiet tenant list --limit 3 --all
	[ "$(wc -l <<<"$output")" -eq 8 ]
	run -0 vaultctl --format json tenant list --limit 2 --all
	[ "$(jq '.items | length' <<<"$output")" -eq 8 ]
	run -0 vaultctl --format json tenant list --limit 2
	cursor=$(jq -r .cursor <<<"$output")
	run -0 vaultctl --format json tenant list --limit 100 --cursor "$cursor"
	[ "$(jq '.items | length' <<<"$output")" -eq 6 ]
}

@test "sign, verify, inspect" {
	token=$(vaultctl --quiet token sign launch --subject learner-42 --scope play --claims course=c1 --claims 'attempt:=3')
	run -0 vaultctl token verify launch --token "$token" --scope play
	has 'valid'
	run -0 vaultctl --format json token verify launch "$token"
	[ "$(jq -c '[.valid, .claims.sub, .claims.attempt, .claims.iss, .claims.tid]' <<<"$output")" = \
		'[true,"learner-42",3,"https://lms.example","acme"]' ]
	run -0 vaultctl token inspect "$token"
	has '"prf": "launch"'
	run -0 vaultctl token verify launch --token - <<<"$token"
}

@test "a token bound to a domain, for some uses" {
	vaultctl profile put bound --key launch-key --domains 'LMS.example.org' --domains '*.play.example.org' --max-uses 2
	run -0 vaultctl --format json profile get bound
	[ "$(jq -c '[.domains, .max_uses]' <<<"$output")" = '[["lms.example.org","*.play.example.org"],2]' ]
	run -2 --separate-stderr vaultctl token sign bound --subject s
	stderr_has 'domain'
	token=$(vaultctl --quiet token sign bound --subject s --domain A.play.example.org)
	run -0 vaultctl token inspect "$token"
	has '"a.play.example.org"  (good only there)'
	has '(good for 2 uses'
	has '(in '
	run -3 vaultctl token verify bound "$token"
	has 'domain'
	run -0 vaultctl --format json token verify bound "$token" --domain a.play.example.org --consume --use first
	[ "$(jq .uses_left <<<"$output")" = 1 ]
	jti=$(jq -r .jti <<<"$output")
	run -0 vaultctl --format json token uses "$jti"
	[ "$(jq -c . <<<"$output")" = '{"used":1,"max":2}' ]
	run -0 vaultctl token grant_uses "$jti" 3
	run -0 vaultctl --format json token uses "$jti"
	[ "$(jq -c . <<<"$output")" = '{"used":1,"max":5}' ]
}

@test "tokens are revoked: one, or many once that was meant" {
	token=$(vaultctl --format json token sign launch --subject gone)
	run -0 vaultctl token revoke --jti "$(jq -r .jti <<<"$token")"
	run -3 vaultctl token verify launch "$(jq -r .token <<<"$token")"
	has revoked
	token=$(vaultctl --quiet token sign launch --subject gone)
	run -0 vaultctl --yes token revoke --subject gone
	run -3 vaultctl token verify launch "$token"
	run -0 vaultctl --yes token revoke --profile launch --before -1h
	run -2 --separate-stderr vaultctl --yes token revoke --profile launch --before +1h
	stderr_has before
	run -2 --separate-stderr vaultctl --yes token revoke
	stderr_has jti
	run -1 /usr/bin/python3 "$BATS_TEST_DIRNAME/terminal.py" 'go on? [y/N] =n' -- "$VAULTCTL" token revoke --subject gone
	has 'many tokens'
}

@test "not valid is 3" {
	token=$(vaultctl --quiet token sign launch --subject learner-42 --ttl 1)
	run -3 vaultctl token verify launch "${token%????}AAAA"
	has 'signature'
	run -3 vaultctl token verify launch not.a.token
	sleep 2.2
	run -3 vaultctl --format json token verify launch "$token"
	[ "$(jq -c '[.valid, .reason]' <<<"$output")" = '[false,"expired"]' ]
	run -3 vaultctl call token.verify '{"tenant":"acme","profile":"launch","token":"x"}'
}

@test "what a profile does not allow is 2 and names the field" {
	run -2 --separate-stderr vaultctl --format json token sign launch --subject x --scope admin
	[ "$(jq -r '.code + " " + .field' <<<"$stderr")" = 'invalid_params scope' ]
	run -2 --separate-stderr vaultctl token sign launch --subject x --ttl 2h
	stderr_has 'ttl'
	run -2 --separate-stderr vaultctl token sign launch
	stderr_has 'subject'
	run -2 --separate-stderr vaultctl token sign nothing --subject x
	stderr_has 'not_found'
}

@test "keys rotate and are revoked" {
	vaultctl key create turning HS256
	run -0 vaultctl --quiet key rotate turning
	[ "$output" = 2 ]
	run -0 vaultctl key get turning
	has 'VERSION'
	has 'current'
	run -0 --separate-stderr vaultctl --yes key revoke turning --version 1
	has 1
	run -0 vaultctl --format json key get turning
	[ "$(jq -r '.versions[] | select(.version == 1).state' <<<"$output")" = revoked ]
	run -0 vaultctl --quiet key list
	has turning
}

@test "raw keys sign bytes from stdin and files" {
	head -c 300 /dev/urandom >"$DIR/message"
	run -0 vaultctl --format json key sign raw --message "@$DIR/message"
	signature=$(jq -r '.signature["$bytes"]' <<<"$output")
	run -0 vaultctl --quiet key sign raw --message - <"$DIR/message"
	[ "$output" = "$signature" ]
	message=$(base64 -w0 <"$DIR/message" | tr '+/' '-_' | tr -d =)
	run -0 vaultctl call key.verify "{\"tenant\":\"acme\",\"name\":\"raw\",\"message\":{\"\$bytes\":\"$message\"},\"signature\":{\"\$bytes\":\"$signature\"}}"
	[ "$(jq .valid <<<"$output")" = true ]
	printf 'other' >"$DIR/other"
	printf '%s' "$signature==" | tr -- '-_' '+/' | base64 -d >"$DIR/signature"
	run -0 vaultctl key verify raw --message "@$DIR/message" --signature "@$DIR/signature"
	run -3 vaultctl key verify raw --message "@$DIR/other" --signature "@$DIR/signature"
}

@test "keys are imported from files, and given out only as public ones" {
	head -c 32 /dev/urandom >"$DIR/seed"
	run -0 vaultctl key import brought EdDSA --key "@$DIR/seed"
	run -0 vaultctl --format json key public
	[ "$(jq -r '.jwks | fromjson | .keys | map(.crv) | unique | join(",")' <<<"$output")" = Ed25519 ]
	run -0 vaultctl --quiet key public
	jq -e '.keys | map(has("d")) | any | not' <<<"$output"
	jq '.' <<<"$output" >"$DIR/jwks"
	# The same kid cannot stand twice in a tenant, but in another one.
	run -2 --separate-stderr vaultctl key import peer EdDSA --public "@$DIR/jwks"
	stderr_has conflict
	vaultctl tenant create peer
	vaultctl --format json key public --name brought | jq -r .jwks >"$DIR/jwks"
	run -0 vaultctl --tenant peer key import acme EdDSA --public "@$DIR/jwks"
	run -0 vaultctl --tenant peer key get acme
	has 'verify_only    yes'
}

@test "a method that nobody knows says where to look" {
	run -2 --separate-stderr vaultctl call no.such '{}'
	stderr_has 'vaultctl methods'
}

@test "the audit tells what happened" {
	run -2 vaultctl tenant get nobody-of-that-name
	run -0 vaultctl --format json audit query --method tenant.create --since -1h --outcome ok
	[ "$(jq -r '.items[].method' <<<"$output" | sort -u)" = tenant.create ]
	run -0 vaultctl audit query --tenant acme --limit 5
	has 'METHOD'
	run -0 --separate-stderr vaultctl audit verify
	has 'ok'
}

@test "the client's example signs and verifies" {
	run -0 --separate-stderr timeout 60 "$BUILD/sign_launch" acme launch learner-7
	run -0 vaultctl token verify launch "$output"
	run -1 --separate-stderr timeout 60 "$BUILD/sign_launch" acme nothing learner-7
	stderr_has 'signing'
}

@test "another user gets no further than the greeting" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	command -v setpriv >/dev/null || skip 'needs setpriv'
	chmod 711 "$DIR" "$DIR/run" && chmod 666 "$DIR/run/vaultd.sock"
	run -2 --separate-stderr setpriv --reuid 12345 --regid 12345 --clear-groups "$VAULTCTL" --tenant acme key list
	stderr_has denied
	run -0 setpriv --reuid 12345 --regid 12345 --clear-groups "$VAULTCTL" status
	has 'uid:12345'
}

@test "who the caller acts for stands in the audit" {
	run -0 vaultctl --actor alice@example key get launch-key
	run -0 vaultctl --format json audit query --actor alice@example
	[ "$(jq -r '.items[].method' <<<"$output" | sort -u)" = key.get ]
}

@test "a change under a request id is made once" {
	run -0 --separate-stderr vaultctl --request-id change-1 key rotate launch-key --now
	has version
	[[ $stderr != *'done before'* ]]
	run -0 --separate-stderr vaultctl --request-id change-1 key rotate launch-key --now
	has version
	stderr_has 'done before'
	run -0 vaultctl --format json --request-id change-1 key rotate launch-key --now
	[ "$(jq .replayed <<<"$output")" = true ]
	run -2 --separate-stderr vaultctl --request-id change-1 key rotate launch-key
	stderr_has request_id
	run -2 --separate-stderr vaultctl --request-id change-1 key get launch-key
	stderr_has request_id
}
