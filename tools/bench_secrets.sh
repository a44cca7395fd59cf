# shellcheck shell=sh disable=SC2154 # the variables are those of tools/bench.sh
# The part secrets of tools/bench.sh, which reads this file.

secrets=1000000 # of the larger figures, 200 bytes each

# token.sign and secret.get take turns, so that both see the same machine.
secrets_against() {
	: >"$work/sign" && : >"$work/get"
	round=0
	while [ $round -lt "$rounds" ]; do
		measure --method token.sign --connections 16 --in-flight 1
		field throughput >>"$work/sign"
		measure --method secret.get --records "$1" --connections 16 --in-flight 1
		field throughput >>"$work/get"
		round=$((round + 1))
	done
	sign=$(median <"$work/sign")
	get=$(median <"$work/get")
	figure "secret.get among $1 / token.sign, 16 × 1" "$(calc %.2f "$get / $sign")" at-least "$2" "" \
		"$(thousands "$get") against $(thousands "$sign")"
}

secrets() {
	say "secrets, $rounds rounds of $seconds s"
	daemon_start secrets
	setup
	measure --method secret.put --records 1000 --count 1000 --message 200 --connections 1 --in-flight 64
	secrets_against 1000 0.8
	before=$(stat -c %s "$work/secrets/store/data.mdb")
	measure --method secret.put --records $secrets --count $secrets --message 200 --connections 16 --in-flight 64
	figure "secret.put, $secrets pipelined, durable" "$(field throughput)" at-least 30000 "/s" "16 × 64"
	# The names are db/ and twelve digits.
	size=$(stat -c %s "$work/secrets/store/data.mdb")
	figure "store / bytes put, $secrets secrets" "$(calc %.2f "($size - $before) / ($secrets * 215)")" below 1.6 "" \
		"values of 200 bytes, names of 15"
	secrets_against $secrets 0.5
	daemon_stop
}
