#!/bin/sh
# Installs the Debian packages that a target needs and this machine lacks: tools/setup.sh GROUP...
# Says what it installs; does nothing, and needs no network, where all is there already.
set -eu

build="gcc make pkg-config libc6-dev libsodium-dev liblmdb-dev libevent-dev libmsgpack-dev libssl-dev libjansson-dev
	libseccomp-dev libconfuse-dev libsmartcols-dev libqrencode-dev scdoc"
test="libcmocka-dev bats python3 python3-pytest python3-msgpack python3-jwt python3-cryptography python3-prometheus-client util-linux procps jose jq
	neovim redis-server faketime strace postgresql"
lint="git python3 clang clang-format clang-tidy cppcheck valgrind libclang-rt-14-dev strace shellcheck pyflakes3"

fail() {
	echo "setup: $*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		fail "root is needed; as root: tools/setup.sh $groups"
	fi
}

installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# A package that brings a service must not start it: nothing here uses one.
policy=/usr/sbin/policy-rc.d
no_services() {
	[ ! -e "$policy" ] || return 0
	as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
	trap 'as_root rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"
}

[ $# -gt 0 ] || fail "usage: tools/setup.sh build|test|lint ..."
groups=$*
wanted=
for group in "$@"; do
	case $group in
	build) wanted="$wanted $build" ;;
	test)
		wanted="$wanted $test"
		# One that came from elsewhere than Debian brings npm with it.
		if ! command -v node >/dev/null || ! command -v npm >/dev/null; then wanted="$wanted nodejs npm"; fi
		;;
	lint) wanted="$wanted $lint" ;;
	*) fail "no group $group: build, test, lint" ;;
	esac
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	echo "setup: not a Debian system; what is needed, by its Debian names:" $wanted >&2
	exit 0
fi

# What tests/thirdparty asks of npm, as its lock file has it.
npm_packages() {
	case " $groups " in
	*" test "*) ;;
	*) return 0 ;;
	esac
	directory=$(dirname "$0")/../tests/thirdparty
	lock=$directory/package-lock.json
	made=$directory/node_modules/.made-from
	cmp -s "$lock" "$made" && return 0
	(cd "$directory" && npm ci --ignore-scripts --no-audit --no-fund && cp package-lock.json node_modules/.made-from) ||
		echo "setup: npm cannot install what tests/thirdparty asks for; the tests that need it will say so" >&2
}

missing=
for package in $wanted; do
	installed "$package" || missing="$missing $package"
done
if [ -z "$missing" ]; then
	npm_packages
	exit 0
fi

echo "setup: installing the Debian packages$missing"
no_services
# Lists that are old still serve what is installed from a mirror at hand.
apt update || echo "setup: apt-get update failed; trying with the lists there are" >&2
apt install -y --no-install-recommends $missing
case " $missing " in
*" postgresql "*)
	# A test starts a server of its own; the one that the package made is not wanted.
	if [ -d /run/systemd/system ]; then
		as_root systemctl disable --now postgresql >/dev/null 2>&1 || true
	fi
	;;
esac
case " $missing " in
*" redis-server "*)
	# It is there for comparison only, started by hand on a socket of its own.
	if [ -d /run/systemd/system ]; then
		as_root systemctl disable --now redis-server >/dev/null 2>&1 || true
	elif command -v update-rc.d >/dev/null; then
		as_root update-rc.d redis-server disable >/dev/null 2>&1 || true
	fi
	;;
esac
npm_packages
