# What vaultctl says without a daemon.
load lib

setup() {
	export VAULTD_SOCKET=$BATS_TEST_TMPDIR/none.sock
	unset VAULTD_ADMIN_SOCKET VAULTD_TENANT VAULTD_FORMAT
}

@test "help at every level" {
	run -0 vaultctl --help
	has 'NOUN VERB'
	run -0 vaultctl token --help
	has 'check a token against its profile'
	run -0 vaultctl key create --help
	has 'HS256|HS512|EdDSA'
	has '[7d]'
	run -0 vaultctl help key create
	has '--algorithm'
	run -0 vaultctl unseal --help
	has '--keyfile FILE'
	run -0 vaultctl --version
	has 'vaultctl '
	run -1 vaultctl
	run -1 vaultctl token
}

@test "wrong usage is 1 and says what to do" {
	run -1 --separate-stderr vaultctl nonsense
	stderr_has 'there is no command "nonsense"'
	run -1 --separate-stderr vaultctl key nonsense
	stderr_has 'key --help'
	run -1 --separate-stderr vaultctl token sign
	stderr_has '--tenant is required'
	run -1 --separate-stderr vaultctl --tenant acme token sign
	stderr_has '--profile is required'
	run -1 --separate-stderr vaultctl --format yaml status
	stderr_has 'table or json'
	run -1 --separate-stderr vaultctl tenant get a b
	stderr_has 'one argument too many'
	run -1 --separate-stderr vaultctl --socket
	stderr_has 'needs a value'
}

@test "options cannot be abbreviated" {
	run -1 --separate-stderr vaultctl --ten acme status
	stderr_has 'no option --ten'
	run -1 --separate-stderr vaultctl --tenant acme key create k --algo HS256
	stderr_has 'no option --algo'
}

@test "values of the wrong form never reach the daemon" {
	run -1 --separate-stderr vaultctl --tenant acme token sign launch --ttl 5x
	stderr_has 'is not a duration'
	run -1 --separate-stderr vaultctl audit query --since yesterday
	stderr_has 'is not a time'
	run -1 --separate-stderr vaultctl --tenant acme token sign launch --claims nothing
	stderr_has 'KEY=VALUE'
	run -1 --separate-stderr vaultctl --tenant acme token sign launch --claims '{"a":1,"a":2}'
	stderr_has 'not JSON'
	run -1 --separate-stderr vaultctl call sys.ping '[1]'
	stderr_has 'must be a JSON object'
}

@test "secrets are never taken from the command line" {
	run -1 --separate-stderr vaultctl init --passphrase 'correct horse battery'
	stderr_has 'never from the command line'
	run -1 --separate-stderr vaultctl --tenant acme key import k HS256 --secret whsec_AAAA
	stderr_has 'never from the command line'
	run -1 --separate-stderr vaultctl --tenant acme key sign k --message hello
	stderr_has 'never from the command line'
}

@test "no daemon is 1 and says so" {
	run -1 --separate-stderr vaultctl status
	stderr_has 'is vaultd running?'
	[ -z "$output" ]
	run -1 --separate-stderr vaultctl --format json status
	[ "$(jq -r .code <<<"$stderr")" = connect ]
	VAULTD_FORMAT=json run -1 --separate-stderr vaultctl status
	[ "$(jq -r .code <<<"$stderr")" = connect ]
}

@test "a socket that a dead daemon left" {
	python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$VAULTD_SOCKET"
	run -1 --separate-stderr vaultctl status
	stderr_has 'nobody listens'
}

@test "the admin socket lies beside the socket that was named" {
	run -1 --separate-stderr vaultctl seal
	stderr_has "$BATS_TEST_TMPDIR/admin.sock"
}

@test "a daemon that never answers meets the deadline" {
	python3 - "$VAULTD_SOCKET" 3>&- <<'END' &
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
time.sleep(20)
END
	pid=$!
	while [ ! -S "$VAULTD_SOCKET" ]; do sleep 0.05; done
	sleep 0.2
	run -1 --separate-stderr vaultctl --timeout 1s status
	kill $pid
	stderr_has 'did not answer in time'
}

@test "token inspect trusts nothing and asks nobody" {
	# RFC 7515 appendix A.1
	token=eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk
	run -0 --separate-stderr vaultctl token inspect "$token"
	has '"iss": "joe"'
	has '2011-03-22T18:43:00Z'
	stderr_has 'NOT VERIFIED'
	run -0 --separate-stderr vaultctl --format json token inspect - <<<"$token"
	[ "$(jq -c '[.verified, .claims.iss, .header.alg]' <<<"$output")" = '[false,"joe","HS256"]' ]
	run -1 vaultctl token inspect not-a-token
	run -1 vaultctl token inspect 'e30.!.x'
}

@test "completions are made for three shells" {
	vaultctl completion bash >"$BATS_TEST_TMPDIR/completion"
	bash -n "$BATS_TEST_TMPDIR/completion"
	source "$BATS_TEST_TMPDIR/completion"
	COMP_WORDS=(vaultctl --format json token s) COMP_CWORD=4
	_vaultctl
	[ "${COMPREPLY[*]}" = sign ]
	COMP_WORDS=(vaultctl key create --algorithm Ed) COMP_CWORD=4
	_vaultctl
	[ "${COMPREPLY[*]}" = EdDSA ]
	COMP_WORDS=(vaultctl backup create --sp)
	COMP_CWORD=3
	_vaultctl
	[ "${COMPREPLY[*]}" = --split-keys ] # of a command of two words
	run -0 vaultctl completion zsh
	has '#compdef vaultctl'
	run -0 vaultctl completion fish
	has 'complete -c vaultctl'
	run -1 vaultctl completion tcsh
}
