#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the suite of raw messages against this server and against diod, both on
# TCP on loopback, both on the same tree; what each has answered goes to $OUT.
#
#   test_raw.py ---- 127.0.0.1 ---- 9p-serve, /dev/9p-server --+
#        |                                                     |
#        +---------- 127.0.0.1 ---- diod ----------------------+-- export

set -u

here=$(dirname "$(readlink -f "$0")")
scratch=$(mktemp -d /tmp/9p-XXXXXX)
export=$scratch/export
# Not only root is to get there
chmod 755 "$scratch"
port=5640
pids=()

end()
{
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	rm -rf "$scratch"
}
trap end EXIT

# A test that ends diod is not to fail those after it
serve_by_diod()
{
	local pid=

	# As systemd starts it; a client that goes would end it otherwise
	trap '' PIPE
	trap 'kill $pid; exit' TERM
	while :; do
		diod --foreground --no-auth --no-userdb --listen 127.0.0.1:$port \
			--export "$export" --logdest stderr -c /dev/null &
		pid=$!
		wait $pid
		echo "diod ended: status $?"
		sleep 0.1
	done
}

# suite NAME ADDRESS ANAME: without what only this kernel can show
suite()
{
	python3 -B "$here/test_raw.py" --socket "$2" --export "$export" \
		--aname "$3" --timeout 10 --stats /nowhere --sysfs /nowhere \
		>"$OUT/$1.ktap"
	echo "$1: exit code $?"
}

mkdir "$export"
9p-serve -l 127.0.0.1:0 "$export" >"$scratch/serve.log" &
pids+=($!)
serve_by_diod >"$OUT/diod.log" 2>&1 &
pids+=($!)
for _ in {1..100}; do
	where=$(sed -n 's/.* on //p' "$scratch/serve.log")
	[ -z "$where" ] || break
	sleep 0.1
done

suite server "$where" ""
suite diod tcp:127.0.0.1:$port "$export"
dpkg-query -W -f '${Version}\n' diod >"$OUT/version"
