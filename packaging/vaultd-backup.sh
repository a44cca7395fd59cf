#!/bin/sh
# Writes a backup under a name with its date and removes the oldest beyond KEEP. Run by vaultd-backup.service.
#   VAULTD_BACKUP_DIR      where they lie (default /var/lib/vaultd-backup)
#   VAULTD_BACKUP_KEEP     how many stay (default 14)
#   VAULTD_BACKUP_OPTIONS  what vaultctl backup create is given besides, such as --recipient offsite
set -eu
directory=${VAULTD_BACKUP_DIR:-/var/lib/vaultd-backup}
keep=${VAULTD_BACKUP_KEEP:-14}
name=$directory/vaultd-$(date -u +%Y%m%dT%H%M%SZ)

case $keep in
'' | *[!0-9]* | 0) echo "VAULTD_BACKUP_KEEP: a number from 1" >&2; exit 1 ;;
esac
# Options are words: none of theirs holds a space.
# shellcheck disable=SC2086
vaultctl --quiet backup create "$name" ${VAULTD_BACKUP_OPTIONS:-} >/dev/null
vaultctl --quiet backup verify "$name"

# Only what this script names so; newest first, so that what is behind KEEP is the oldest.
set -- "$directory"/vaultd-[0-9]*T[0-9]*Z
while [ $# -gt "$keep" ]; do
	rm -f -- "$1" "$1.keys"
	shift
done
