#!/bin/sh
# make bench: measures build/vaultd against the figures it must reach, with daemons and a Redis of its own that live in
# temporary directories and end with it. Prints Markdown for docs/PERFORMANCE.md; leaves BUILD/bench.json.
set -eu

parts_known="throughput rotate memory start algorithms others"
tenants=1000	# of the memory figure
records=100000	# of the start figure

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
log=$work/vaultd.log
keyfile=$work/key
figures=$work/figures
rates=$work/rates
runs=$work/runs
redis=$run/redis.sock
daemon=
redis_daemon=
: >"$figures" && : >"$rates" && : >"$runs" && : >"$log"

end() {
	for pid in $daemon $redis_daemon; do
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

# The only daemon there is at a time; $1 names its state.
daemon_start() {
	mkdir -p "$work/$1"
	"$build/vaultd" --config "$work/vaultd.conf" --state "$work/$1" --runtime "$run" 2>>"$log" &
	daemon=$!
	for socket in vaultd admin; do
		await "$daemon" vaultd "$build/vault-bench" --socket "$run/$socket.sock" --method sys.ping --count 1
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
	line=$("$build/vault-bench" --socket "$run/vaultd.sock" --admin-socket "$run/admin.sock" --json \
		--seconds "$seconds" --warmup 0.2 "$@" 2>>"$log") || fail "vault-bench $* failed"
	echo "$line" >>"$runs"
}

# Makes what later runs need; its own measurement is thrown away.
setup() {
	"$build/vault-bench" --socket "$run/vaultd.sock" --admin-socket "$run/admin.sock" --setup --keyfile "$keyfile" \
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

# figure NAME VALUE at-least|below TARGET UNIT DETAIL
figure() {
	case $3 in
	at-least) met=$(awk "BEGIN { print ($2 >= $4) ? \"PASS\" : \"short\" }") ;;
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
	say "token.sign, bare echo and Redis GET, $rounds rounds of $seconds s"
	daemon_start throughput
	redis_start
	setup
	for in_flight in 1 64; do
		load="16 × $in_flight"
		measure --method token.sign --connections 16 --in-flight $in_flight --rounds "$rounds" --echo --redis "$redis"
		rate "$load" "bare echo" echo_
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

report() {
	echo
	echo "$(date -u +%Y-%m-%d), $(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)," \
		"store on $(df --output=fstype "$work" | tail -n 1)."
	echo
	echo "| figure | measured | target | |"
	echo "| --- | --- | --- | --- |"
	awk -F '\t' '{ printf "| %s | %s%s (%s) | %s %s%s | %s |\n", $1, $2, $5, $6, ($3 == "below" ? "below" : "at least"), $4, $5, $7 }' \
		"$figures"
	[ -s "$rates" ] || return 0
	echo
	echo "| load | who | rate | p50 µs | p99 µs | p99.9 µs | max µs | client's core |"
	echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
	cat "$rates"
}

report_json() {
	printf '{"time":%s,"cpus":%s,"kernel":"%s","figures":[' "$(date +%s)" "$(nproc)" "$(uname -r)"
	awk -F '\t' '{ printf "%s{\"figure\":\"%s\",\"value\":%s,\"%s\":%s,\"met\":%s}", (NR > 1 ? "," : ""), $1, $2,
		($3 == "below" ? "below" : "at_least"), $4, ($7 == "PASS" ? "true" : "false") }' "$figures"
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
