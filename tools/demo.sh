#!/bin/bash
# A vault from nothing to a verified token and its audit record, in a temporary directory that is gone at the end.
set -euo pipefail
build=$(cd "${VAULTD_BUILD:-$(dirname "$0")/../build}" && pwd)
export PATH="$build:$PATH"

dir=$(mktemp -d "${TMPDIR:-/tmp}/vaultd-demo.XXXXXX")
pid=
cleanup() {
	status=$?
	[ -z "$pid" ] || { kill "$pid" 2>/dev/null && wait "$pid"; } || true
	[ "$status" -eq 0 ] || cat "$dir/log" >&2 || true
	rm -rf "$dir"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

export VAULTD_SOCKET=$dir/run/vaultd.sock VAULTD_ADMIN_SOCKET=$dir/run/admin.sock
START_SECONDS=10

say() { printf '\n# %s\n' "$*"; }
# Shows a command as it would be typed, then runs it. Tokens are shown by the name of their variable.
show() {
	local word
	printf '$'
	for word in "$@"; do
		case $word in
		"$token") word='"$token"' ;;
		"$forged") word='"$forged"' ;;
		*' '*) word="'$word'" ;;
		esac
		printf ' %s' "$word"
	done
	printf '\n'
}
run() {
	show "$@"
	"$@"
}
# The same for a command that is to fail, with the exit code it must have.
refused() {
	local code=$1 got=0
	shift
	show "$@"
	"$@" || got=$?
	[ "$got" -eq "$code" ]
}
token=none forged=none
exec 2>&1

mkdir -m 700 "$dir/state" "$dir/run"
head -c 32 /dev/urandom >"$dir/unseal.key"
: >"$dir/vaultd.conf"
cd "$dir"

say "A new vault, in a directory of its own"
echo '$ vaultd --config vaultd.conf --state state --runtime run &'
vaultd --config vaultd.conf --state "$dir/state" --runtime "$dir/run" 2>log &
pid=$!
for ((i = 0; i < START_SECONDS * 20; i++)); do
	[ ! -S "$VAULTD_ADMIN_SOCKET" ] || [ ! -S "$VAULTD_SOCKET" ] || break
	kill -0 "$pid"
	sleep 0.05
done
run vaultctl init --keyfile unseal.key

say "Sealed, it answers nothing; the key file opens it"
run vaultctl seal
refused 2 vaultctl key list --tenant acme
run vaultctl unseal --keyfile unseal.key
run vaultctl status

say "A tenant, a key that never leaves the vault, and a profile that fixes what its tokens may say"
run vaultctl tenant create acme --display-name 'Acme University'
export VAULTD_TENANT=acme
echo '$ export VAULTD_TENANT=acme'
run vaultctl key create launch-key EdDSA --rotation-period 180d
run vaultctl profile put launch --key launch-key --issuer https://lms.example.org \
	--audience https://content.example.org --scopes play,report --ttl 5m

say "The launch service asks for a token under the profile; no other can be had"
echo '$ token=$(vaultctl --quiet token sign launch --subject learner-42 --scope play)'
token=$(vaultctl --quiet token sign launch --subject learner-42 --scope play)
echo "$token"
refused 2 vaultctl token sign launch --subject learner-42 --scope admin

say "The content service verifies it; one with another signature is not valid"
run vaultctl token verify launch "$token" --scope play
forged=${token%?????}AAAAA
echo '$ forged=${token%?????}AAAAA'
refused 3 vaultctl token verify launch "$forged" --scope play
if /usr/bin/python3 -c 'import jwt, cryptography' 2>/dev/null; then
	say "So does anyone who has the public key, here PyJWT"
	echo '$ vaultctl key public --name launch-key, then jwt.decode() with its pem'
	vaultctl call key.public '{"tenant": "acme", "name": "launch-key"}' | /usr/bin/python3 -c '
import json, sys, jwt
print(jwt.decode(sys.argv[1], json.load(sys.stdin)["pem"], ["EdDSA"], audience="https://content.example.org"))' "$token"
fi

say "Who did what, and that nothing was removed from the record"
run vaultctl audit query --order oldest
run vaultctl audit verify

say "SIGTERM: what is in flight is answered, the audit flushed, the keys wiped"
printf '$ kill %s\n' "$pid"
kill "$pid"
wait "$pid"
pid=
echo 'exit 0'
