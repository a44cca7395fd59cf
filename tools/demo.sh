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

# Shows a command as it would be typed, then runs it.
run() {
	printf '\n$ %s\n' "$*"
	"$@"
}

mkdir -m 700 "$dir/state" "$dir/run"
head -c 32 /dev/urandom >"$dir/unseal.key"
: >"$dir/vaultd.conf"

printf '$ vaultd --config vaultd.conf --state state --runtime run &\n'
vaultd --config "$dir/vaultd.conf" --state "$dir/state" --runtime "$dir/run" 2>"$dir/log" &
pid=$!
for ((i = 0; i < START_SECONDS * 20; i++)); do
	[ ! -S "$VAULTD_ADMIN_SOCKET" ] || [ ! -S "$VAULTD_SOCKET" ] || break
	kill -0 "$pid"
	sleep 0.05
done

cd "$dir"
run vaultctl init --keyfile unseal.key
run vaultctl seal
# A sealed vault answers 2, as systemctl does for what is not running.
run vaultctl status || [ $? -eq 2 ]
run vaultctl unseal --keyfile unseal.key
run vaultctl tenant create --tenant acme --display-name 'Acme University'
run vaultctl key create --tenant acme --name launch-key --algorithm EdDSA
run vaultctl profile put --tenant acme --name launch --key launch-key --issuer https://lms.example.org \
	--audience https://content.example.org --scopes launch --ttl 5m
printf '\n$ vaultctl --format json token sign --tenant acme --profile launch --subject learner-42 --scope launch\n'
answer=$(vaultctl --format json token sign --tenant acme --profile launch --subject learner-42 --scope launch)
echo "$answer"
token=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])' <<<"$answer")
run vaultctl token verify --tenant acme --profile launch --token "$token" --scope launch
printf '\nThe same token under another tenant, and one with a changed signature:\n'
run vaultctl token verify --tenant acme --profile launch --token "${token%?????}AAAAA" || [ $? -eq 3 ]
run vaultctl audit query --tenant acme --order oldest
run vaultctl audit verify
printf '\n$ kill -TERM %s; the vault leaves nothing behind\n' "$pid"
kill "$pid"
wait "$pid"
pid=
