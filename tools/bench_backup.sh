# shellcheck shell=sh disable=SC2154 # the variables are those of tools/bench.sh
# The part backup of tools/bench.sh, which reads this file.

backup_gib=${BENCH_BACKUP_GIB:-1}	# of values in the store that is backed up
backup_value=4096			# bytes of each

# Anonymous resident memory of the daemon, in KiB.
backup_anon() {
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$daemon/status"
}

# The most that it comes to while the process $1 lives.
backup_peak() {
	peak=0
	while kill -0 "$1" 2>/dev/null; do
		now=$(backup_anon)
		[ "$now" -le "$peak" ] || peak=$now
		sleep 0.02
	done
}

# A directory for the file: in memory where there is room for twice the file, because a disk is not what is measured.
backup_directory() {
	room=$(df --output=avail -B1 /dev/shm 2>/dev/null | tail -n 1)
	if [ "${room:-0}" -gt $((backup_gib * 2147483648)) ]; then
		backup_out=$(mktemp -d /dev/shm/vault-bench.XXXXXX) where="the file in memory"
	else
		backup_out=$work where="the file on the disk"
	fi
}

# Each round seals the bytes of the file that it just fetched, so that both see the same machine.
backup() {
	count=$((backup_gib * 1073741824 / backup_value))
	say "backup of $backup_gib GiB in $count secrets, $rounds rounds"
	daemon_start backup
	setup
	measure --method secret.put --records $count --count $count --message $backup_value --connections 16 --in-flight 64
	ctl="$build/vaultctl --socket $at/vaultd.sock"
	backup_directory
	idle=$(backup_anon)
	# The first is thrown away: the store's pages come from the disk.
	$ctl backup create "$backup_out/backup.1" >/dev/null 2>>"$log" || fail "backup create failed"
	size=$(stat -c %s "$backup_out/backup.1")
	: >"$work/backup.rates" && : >"$work/stream.rates"
	most=0 round=0
	while [ $round -lt "$rounds" ]; do
			begun=$(date +%s%N)
		$ctl backup create --force "$backup_out/backup.1" >/dev/null 2>>"$log" &
		backup_peak $!
		wait $! || fail "backup create failed"
		took=$(($(date +%s%N) - begun))
		calc '%.0f\n' "$size / ($took / 1e9)" >>"$work/backup.rates"
		[ "$peak" -le "$most" ] || most=$peak
		measure --stream "$backup_out/backup.1" --rounds 1
		field throughput >>"$work/stream.rates"
		round=$((round + 1))
	done
	ours=$(median <"$work/backup.rates")
	alone=$(median <"$work/stream.rates")
	figure "backup create / secretstream alone, $backup_gib GiB" "$(calc %.2f "$ours / $alone")" at-least 0.5 "" \
		"$(calc '%.0f MiB/s' "$ours / 1048576") against $(calc '%.0f MiB/s' "$alone / 1048576"); $where"
	figure "memory during a backup, above idle" "$(calc %.1f "($most - $idle) / 1024")" below 16 " MiB" "RssAnon; idle $(calc %.1f "$idle / 1024") MiB"
	rm -f "$backup_out/backup.1"
	[ "$backup_out" = "$work" ] || rmdir "$backup_out"
	daemon_stop
}
