#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run_socket.sh 9P-SERVE [SCRATCH]: runs the server's suites over sockets on
# this machine, which must have /dev/9p-server. No Xen is needed.
#
#   test_*.py, mount_tcp.sh ---- unix or TCP socket ---- 9p-serve
#              |                                            |
#              |                                     /dev/9p-server
#              |                                            |
#              +--------------- SCRATCH/export -------------+
#
# run_socket.sh 9P-SERVE SCRATCH SUITE... runs these of the suites: device,
# raw-unix, raw-tcp, mount-tcp. Each suite prints KTAP of its own. The exit code
# is 0 if none has failed.

set -u

here=$(dirname "$(readlink -f "$0")")
serve=$(readlink -f "$1")
scratch=$(mktemp -d "${2:-/tmp}/9p-XXXXXX")
export=$scratch/export
pids=()
declare -A where
failed=0
wanted=" ${*:3} "

end()
{
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2> /dev/null
	wait
	rm -rf "$scratch"
}
trap end EXIT

# listen NAME OPTION...: starts a 9p-serve; its address goes to where[NAME]
listen()
{
	local name=$1 line

	shift
	"$serve" "$@" "$export" > "$scratch/$name.log" &
	pids+=($!)
	for _ in {1..100}; do
		line=$(grep -s ' on ' "$scratch/$name.log") && break
		sleep 0.1
	done
	if [ -z "$line" ]; then
		echo "Bail out! 9p-serve $* does not listen"
		exit 1
	fi
	where[$name]=${line##* on }
}

# suite NAME COMMAND...: runs one; 4 says that it was skipped
suite()
{
	local name=$1 code

	shift
	[ "$wanted" = "  " ] || [[ $wanted = *" $name "* ]] || return
	echo "# suite $name"
	"$@"
	code=$?
	[ $code = 0 ] || [ $code = 4 ] || failed=1
	echo "# suite $name: exit code $code"
}

mkdir "$export"
listen unix -u "$scratch/9p.sock"
listen tcp -l 127.0.0.1:0
listen ro -u "$scratch/ro.sock" -o readonly=1
listen squash -u "$scratch/squash.sock" \
	-o security_model=squash,squash_uid=1234,squash_gid=2345
listen devices -u "$scratch/devices.sock" -o devices=1
listen limited -u "$scratch/limited.sock" \
	-o max_fids=2000,max_open=600,max_locks=50,max_xattrs=200000

suite device python3 -B "$here/test_device.py" --export "$export"
suite raw-unix python3 -B "$here/test_raw.py" --socket "${where[unix]}" \
	--export "$export" --ro-socket "${where[ro]}" \
	--squash-socket "${where[squash]}" --squash-ids 1234:2345 \
	--devices-socket "${where[devices]}" \
	--limited-socket "${where[limited]}" --limits 2000:600:50:200000
suite raw-tcp python3 -B "$here/test_raw.py" --socket "${where[tcp]}" \
	--export "$export"
suite mount-tcp bash "$here/mount_tcp.sh" "${where[tcp]}" "$export"
exit $failed
