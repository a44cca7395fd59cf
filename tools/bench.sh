#!/bin/sh
# make bench: measures build/vaultd against the figures it must reach, with daemons and a Redis of its own that live in
# temporary directories and end with it. Prints Markdown for docs/PERFORMANCE.md; leaves BUILD/bench.json.
set -eu

parts_known="throughput flood rotate secrets backup memory start algorithms others policy apikeys"
tenants=1000	# of the memory figure
records=100000	# of the start figure
grants=1000	# of the policy figure
many_tenants=10000
apikeys=1000000	# of the API keys' figures

usage() {
	cat <<EOF
usage: tools/bench.sh [--build DIR] [--only PART]... [--rounds N] [--seconds S] [--config FILE] [--strict]
  --build DIR    where vaultd and vault-bench are (build)
  --only PART    one of: $parts_known (all of them)
  --rounds N     rounds of each measurement, the peers interleaved; medians are told (5)
  --seconds S    of each round (2)
  --config FILE  lines for the daemon's configuration
  --strict       exit 1 where a figure falls short
EOF
}

fail() {
	echo "bench: $*" >&2
	[ ! -s "${log:-}" ] || tail -n 20 "$log" >&2
	exit 1
}

say() {
	echo "bench: $*" >&2
}

build=build
parts=
rounds=5
seconds=2
config=
strict=
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--strict)
		strict=1
		shift
		continue
		;;
	--build | --only | --rounds | --seconds | --config) [ $# -gt 1 ] || fail "$1 needs a value" ;;
	*)
		usage >&2
		exit 1
		;;
	esac
	case $1 in
	--build) build=$2 ;;
	--only) parts="$parts $2" ;;
	--rounds) rounds=$2 ;;
	--seconds) seconds=$2 ;;
	--config) config=$2 ;;
	esac
	shift 2
done
for part in $parts; do
	case " $parts_known " in
	*" $part "*) ;;
	*) fail "no part $part: $parts_known" ;;
	esac
done
build=$(cd "$build" && pwd)
for program in vaultd vault-bench; do
	[ -x "$build/$program" ] || fail "$build/$program is missing: make"
done

# The store lies beside the build, on a disk: in memory a flush costs nothing. Sockets need a short path.
work=$(mktemp -d "$build/bench.XXXXXX")
run=$(mktemp -d /tmp/vault-bench.XXXXXX)
at=$run		# the sockets of the daemon that is measured
client=		# what vault-bench is run by: nothing, or another user
log=$work/vaultd.log
keyfile=$work/key
figures=$work/figures
rates=$work/rates
runs=$work/runs
redis=$run/redis.sock
daemon=
other_daemon=
redis_daemon=
: >"$figures" && : >"$rates" && : >"$runs" && : >"$log"

end() {
	for pid in $daemon $other_daemon $redis_daemon; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$work" "$run"
}
trap end EXIT
trap 'exit 130' HUP INT TERM

umask 077
head -c 64 /dev/urandom >"$keyfile"
if [ -n "$config" ]; then
	cat "$config" >"$work/vaultd.conf"
else
	: >"$work/vaultd.conf"
fi

# await PID NAME COMMAND...: until the command succeeds.
await() {
	pid=$1 name=$2 tries=0
	shift 2
	until "$@" >/dev/null 2>&1; do
		kill -0 "$pid" 2>/dev/null || fail "$name ended"
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "$name does not answer"
		sleep 0.05
	done
}

# The daemon that is measured; $1 names its state.
daemon_start() {
	mkdir -p "$work/$1"
	"$build/vaultd" --config "$work/vaultd.conf" --state "$work/$1" --runtime "$at" 2>>"$log" &
	daemon=$!
	for socket in vaultd admin; do
		await "$daemon" vaultd "$build/vault-bench" --socket "$at/$socket.sock" --method sys.ping --count 1
	done
}

daemon_stop() {
	kill "$daemon"
	wait "$daemon" || fail "vaultd ended with $?"
	daemon=
}

redis_start() {
	command -v redis-server >/dev/null || fail "redis-server is missing: tools/setup.sh test"
	redis-server --port 0 --unixsocket "$redis" --save '' --appendonly no --dir "$run" --daemonize no \
		>"$work/redis.log" 2>&1 &
	redis_daemon=$!
	await "$redis_daemon" redis-server "$build/vault-bench" --no-vault --redis "$redis" --count 1
}

redis_stop() {
	kill "$redis_daemon"
	wait "$redis_daemon" || true
	redis_daemon=
}

# Runs vault-bench; its line of JSON is left in $line.
measure() {
	# shellcheck disable=SC2086 # client is words
	line=$(${client:-"$build/vault-bench"} --socket "$at/vaultd.sock" --admin-socket "$at/admin.sock" --json \
		--seconds "$seconds" --warmup 0.2 "$@" 2>>"$log") || fail "vault-bench $* failed"
	echo "$line" >>"$runs"
}

# Makes what later runs need; its own measurement is thrown away.
setup() {
	"$build/vault-bench" --socket "$at/vaultd.sock" --admin-socket "$at/admin.sock" --setup --keyfile "$keyfile" \
		--count 1 --connections 1 "$@" >/dev/null 2>>"$log" || fail "vault-bench --setup $* failed"
}

field() {
	printf '%s\n' "$line" | sed -n "s/.*[{,]\"$1\":\([-0-9.]*\).*/\1/p"
}

calc() {
	awk "BEGIN { printf \"$1\", $2 }"
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { printf "%.1f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# figure NAME VALUE at-least|at-most|below TARGET UNIT DETAIL
figure() {
	case $3 in
	at-least) met=$(awk "BEGIN { print ($2 >= $4) ? \"PASS\" : \"short\" }") ;;
	at-most) met=$(awk "BEGIN { print ($2 <= $4) ? \"PASS\" : \"short\" }") ;;
	below) met=$(awk "BEGIN { print ($2 < $4) ? \"PASS\" : \"short\" }") ;;
	esac
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "$6" "$met" >>"$figures"
	say "$met: $1: $2$5 ($6)"
}

# rate LOAD WHO PREFIX: a row of the table of rates, from $line.
rate() {
	printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "$(thousands "$(field "$3throughput")")" \
		"$(field "$3p50_us")" "$(field "$3p99_us")" "$(field "$3p999_us")" "$(field "$3max_us")" \
		"$(field "$3client_cpu")" >>"$rates"
}

thousands() {
	calc '%.1f k/s' "$1 / 1000"
}

throughput() {
	say "token.sign, bare echo, floor and Redis GET, $rounds rounds of $seconds s"
	daemon_start throughput
	redis_start
	setup
	for in_flight in 1 64; do
		load="16 × $in_flight"
		measure --method token.sign --connections 16 --in-flight $in_flight --rounds "$rounds" --echo --floor \
			--redis "$redis"
		rate "$load" "bare echo" echo_
		rate "$load" "floor" floor_
		rate "$load" "token.sign" ""
		rate "$load" "Redis GET" redis_
		ours=$(thousands "$(field throughput)")
		if [ $in_flight -eq 1 ]; then
			figure "token.sign / bare echo, $load" "$(field ratio_echo)" at-least 0.5 "" \
				"$ours against $(thousands "$(field echo_throughput)")"
		fi
		figure "token.sign / Redis GET, $load" "$(field ratio_redis)" at-least 1 "" \
			"$ours against $(thousands "$(field redis_throughput)")"
	done
	redis_stop
	daemon_stop
}

# One caller and 64 take turns, so that both see the same disk.
rotate() {
	say "key.rotate, one caller and 64, $rounds rounds of $seconds s"
	daemon_start rotate
	setup --method key.rotate
	round=0
	while [ $round -lt "$rounds" ]; do
		for connections in 1 64; do
			measure --method key.rotate --connections $connections --in-flight 1
			field throughput >>"$work/rotate.$connections"
		done
		round=$((round + 1))
	done
	one=$(median <"$work/rotate.1")
	many=$(median <"$work/rotate.64")
	figure "key.rotate, 64 callers / one" "$(calc %.2f "$many / $one")" at-least 10 "" \
		"$(thousands "$many") against $(thousands "$one")"
	daemon_stop
}

# A neighbour's latency, alone and beside a tenant that sends all it can against a limit of 1,000 a second. Both
# clients and the daemon share the machine's cores, so the median of the rounds counts.
flood() {
	say "token.sign 4 × 1 beside a flood of 16 × 64 against a limit, $rounds rounds of $seconds s"
	daemon_start flood
	setup --tenant quiet
	setup --tenant noisy
	"$build/vaultctl" --socket "$run/admin.sock" tenant update noisy --limits hot.rate=1000,hot.burst=1000 2>>"$log" ||
		fail "tenant.update failed"
	round=0
	while [ $round -lt "$rounds" ]; do
		measure --tenant quiet --method token.sign --connections 4 --in-flight 1
		rate "4 × 1" "token.sign, alone" ""
		field p99_us >>"$work/flood.alone"
		"$build/vault-bench" --socket "$run/vaultd.sock" --admin-socket "$run/admin.sock" --tenant noisy 			--method token.sign --connections 16 --in-flight 64 --seconds "$(calc %.1f "$seconds + 1.4")" 			--warmup 0.2 >>"$log" 2>&1 &
		flooder=$!
		# By then its burst is used up.
		sleep 0.8
		measure --tenant quiet --method token.sign --connections 4 --in-flight 1
		rate "4 × 1" "token.sign, beside the flood" ""
		field p99_us >>"$work/flood.beside"
		wait $flooder || true
		round=$((round + 1))
	done
	alone=$(median <"$work/flood.alone")
	beside=$(median <"$work/flood.beside")
	figure "flood: a neighbour's p99, beside / alone" "$(calc %.2f "$beside / $alone")" at-most 3 "" 		"$beside µs against $alone µs, 4 × 1"
	daemon_stop
}

# shellcheck source=tools/bench_secrets.sh
. "$(dirname "$0")/bench_secrets.sh"
# shellcheck source=tools/bench_backup.sh
. "$(dirname "$0")/bench_backup.sh"

memory() {
	say "resident memory with $tenants tenants"
	daemon_start memory
	setup
	measure --method tenant.create --count $tenants --connections 4 --in-flight 16
	# Idle: whatever creating them left to do is done.
	sleep 2
	kb=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$daemon/status")
	figure "resident memory, idle, $tenants tenants" "$(calc %.1f "$kb / 1024")" below 32 " MiB" "VmRSS"
	daemon_stop
}

start() {
	say "time to the first answer with $records records"
	daemon_start start
	setup
	measure --method key.create --count $records --connections 16 --in-flight 16
	made="made at $(thousands "$(field throughput)")"
	daemon_stop
	echo "unseal_keyfile = \"$keyfile\"" >>"$work/vaultd.conf"
	line=$("$build/vault-bench" --socket "$run/vaultd.sock" --method token.sign --json --start-time --rounds "$rounds" \
		-- "$build/vaultd" --config "$work/vaultd.conf" --state "$work/start" --runtime "$run" 2>>"$log") ||
		fail "no answer after a restart"
	echo "$line" >>"$runs"
	figure "start to the first token, $records records" "$(field first_answer_ms)" below 100 " ms" \
		"median of $rounds starts; $made"
	sed -i '/^unseal_keyfile/d' "$work/vaultd.conf"
}

# Rates in turn, so that both see the same machine. The resident part of the map is the kernel's to take back.
apikeys() {
	say "$apikeys API keys made, then any of them verified, beside token.sign, $rounds rounds of $seconds s"
	daemon_start apikeys
	setup
	# The first load fills what is kept for any load: buffers, caches, the table of last uses.
	measure --method apikey.create --count 20000 --connections 4 --in-flight 512 --apikeys "$work/keys"
	measure --method apikey.verify --apikeys "$work/keys" --connections 16 --in-flight 64
	anonymous=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$daemon/status")
	measure --method apikey.create --count $apikeys --connections 4 --in-flight 512 --apikeys "$work/keys"
	figure "apikey.create, pipelined, $apikeys keys" "$(calc %.1f "$(field throughput) / 1000")" at-least 20 " k/s" \
		"4 × 512, one tenant"
	for in_flight in 1 64; do
		round=0
		while [ $round -lt "$rounds" ]; do
			measure --method token.sign --connections 16 --in-flight $in_flight
			field throughput >>"$work/apikeys.$in_flight.sign"
			measure --method apikey.verify --apikeys "$work/keys" --connections 16 --in-flight $in_flight
			field throughput >>"$work/apikeys.$in_flight.verify"
			round=$((round + 1))
		done
		sign=$(median <"$work/apikeys.$in_flight.sign")
		verify=$(median <"$work/apikeys.$in_flight.verify")
		figure "apikey.verify of any of $apikeys / token.sign, 16 × $in_flight" "$(calc %.2f "$verify / $sign")" at-least 0.45 \
			"" "$(thousands "$verify") against $(thousands "$sign")"
		rate "16 × $in_flight" "apikey.verify, any of $apikeys" ""
	done
	measure --method apikey.list --count 200 --connections 1 --in-flight 1
	figure "apikey.list, a page of 100 among $apikeys" "$(calc %.2f "$(field p50_us) / 1000")" below 10 " ms" "median of 200"
	grown=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$daemon/status")
	figure "memory beyond the map, 20000 keys to $apikeys more" "$(calc %.1f "($grown - $anonymous) / 1024")" below 8 " MiB" \
		"RssAnon, growth"
}

# What the daemon signs against what one core signs with the library alone, turn by turn.
algorithms() {
	say "token.sign of each algorithm against its library, $rounds rounds of $seconds s"
	daemon_start algorithms
	for algorithm in EdDSA ES256 RS256; do
		setup --algorithm $algorithm
		for in_flight in 1 64; do
			round=0
			while [ $round -lt "$rounds" ]; do
				measure --method token.sign --algorithm $algorithm --connections 16 --in-flight $in_flight
				field throughput >>"$work/$algorithm.$in_flight"
				measure --library --algorithm $algorithm
				field throughput >>"$work/$algorithm.$in_flight.library"
				round=$((round + 1))
			done
			ours=$(median <"$work/$algorithm.$in_flight")
			alone=$(median <"$work/$algorithm.$in_flight.library")
			figure "token.sign $algorithm / library alone, 16 × $in_flight" "$(calc %.2f "$ours / $alone")" at-least 0.8 "" \
				"$(thousands "$ours") against $(thousands "$alone")"
		done
	done
	daemon_stop
}

# No target stands on these; they belong to the picture.
others() {
	say "other methods, one round of $seconds s each"
	daemon_start others
	setup
	for algorithm in EdDSA ES256 RS256; do
		setup --algorithm $algorithm
	done
	for algorithm in HS256 EdDSA ES256 RS256; do
		for method in token.sign token.verify key.sign key.verify; do
			measure --method $method --algorithm $algorithm --connections 16 --in-flight 64
			rate "16 × 64" "$method $algorithm" ""
		done
	done
	for method in tenant.get sys.ping; do
		measure --method $method --connections 16 --in-flight 64
		rate "16 × 64" "$method" ""
	done
	measure --method key.create --connections 64 --in-flight 1
	rate "64 × 1" "key.create HS256" ""
	daemon_stop
}

# give JSON: one grant more.
give() {
	"$build/vaultctl" --admin-socket "$at/admin.sock" --quiet call grant.put "$1" >/dev/null 2>>"$log" ||
		fail "grant.put $1 failed"
}

# A third of them for users, a third for groups, each on tenants of its own; a third for the group of the user who asks.
give_many() {
	i=0
	while [ $i -lt $((grants - 3)) ]; do
		give "{\"principal\":\"uid:$((20000 + i))\",\"role\":\"signer\",\"tenants\":[\"a$i\",\"b$i-*\"]}"
		give "{\"principal\":\"gid:$((20000 + i))\",\"role\":\"verifier\",\"tenants\":[\"a$i\"],\"names\":[\"n*\"]}"
		give "{\"principal\":\"gid:4244\",\"role\":\"signer\",\"tenants\":[\"c$i\"]}"
		i=$((i + 3))
	done
}

# policy_daemon few|many: one that lets its owner sign, and a user by a grant of his last supplementary group.
policy_daemon() {
	at=$run/$1
	mkdir -m 755 "$at"
	daemon_start "$1"
	setup --tenant bench
	give '{"principal":"gid:4244","role":"signer","tenants":["bench"]}'
}

# Two daemons, and two callers of each, take turns: a store that holds next to nothing, and one full of grants and tenants.
policy() {
	say "token.sign with $grants grants and $many_tenants tenants, $rounds rounds of $seconds s"
	[ "$(id -u)" -eq 0 ] || fail "policy takes another user's identity: run it as root"
	echo 'app_group = "users"' >>"$work/vaultd.conf"
	chmod 711 "$run"
	install -m 755 "$build/vault-bench" "$run/vault-bench"
	policy_daemon few
	other_daemon=$daemon
	policy_daemon many
	measure --method tenant.create --count $many_tenants --connections 4 --in-flight 64
	give_many
	round=0
	while [ $round -lt "$rounds" ]; do
		for who in owner user; do
			client=
			[ $who = owner ] || client="setpriv --reuid=4242 --regid=4242 --groups=100,4243,4244 $run/vault-bench"
			# Who comes first takes turns too: it is not the same.
			stores="few many"
			[ $((round % 2)) -eq 0 ] || stores="many few"
			for store in $stores; do
				at=$run/$store
				measure --method token.sign --tenant bench --connections 16 --in-flight 64
				field throughput >>"$work/policy.$who.$store"
			done
		done
		round=$((round + 1))
	done
	client=
	for who in owner user; do
		few=$(median <"$work/policy.$who.few")
		many=$(median <"$work/policy.$who.many")
		figure "token.sign of $who, $grants grants and $many_tenants tenants / next to none, 16 × 64" \
			"$(calc %.3f "$many / $few")" at-least 0.95 "" "$(thousands "$many") against $(thousands "$few")"
	done
	daemon_stop
	daemon=$other_daemon other_daemon=
	daemon_stop
	at=$run
	sed -i '/^app_group/d' "$work/vaultd.conf"
}

report() {
	echo
	echo "$(date -u +%Y-%m-%d), $(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)," \
		"store on $(df --output=fstype "$work" | tail -n 1)."
	echo
	echo "| figure | measured | target | |"
	echo "| --- | --- | --- | --- |"
	awk -F '\t' '{ sub("-", " ", $3); printf "| %s | %s%s (%s) | %s %s%s | %s |\n", $1, $2, $5, $6, $3, $4, $5, $7 }' \
		"$figures"
	[ -s "$rates" ] || return 0
	echo
	echo "| load | who | rate | p50 µs | p99 µs | p99.9 µs | max µs | client's core |"
	echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
	cat "$rates"
}

report_json() {
	printf '{"time":%s,"cpus":%s,"kernel":"%s","figures":[' "$(date +%s)" "$(nproc)" "$(uname -r)"
	awk -F '\t' '{ sub("-", "_", $3); printf "%s{\"figure\":\"%s\",\"value\":%s,\"%s\":%s,\"met\":%s}", (NR > 1 ? "," : ""), $1, $2,
		$3, $4, ($7 == "PASS" ? "true" : "false") }' "$figures"
	printf '],"runs":['
	paste -sd, "$runs" | tr -d '\n'
	printf ']}\n'
}

for part in ${parts:-$parts_known}; do
	$part
done
report
report_json >"$build/bench.json"
if [ -n "$strict" ] && grep -q 'short$' "$figures"; then
	exit 1
fi
