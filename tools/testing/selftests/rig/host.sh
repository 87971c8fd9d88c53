#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dom0 works on the exported tree while a guest does: each sees what the other
# has done, open files survive being renamed and removed underneath, and a
# directory that is moved out of the export is no way out of it.
#
# rig: kernel=lts,lockdep when=spare timeout=900

. "$(dirname "$0")/../lib/ktap.sh"

mkdir -p /srv/host /srv/outside
echo secret >/srv/outside/secret

guest()
{
	rig-guest exec h --timeout 60 -- bash -c "$1"
}

seen_by_the_guest()
{
	echo one >/srv/host/f
	[ "$(guest 'cat /mnt/f')" = one ]
	echo two >/srv/host/f
	[ "$(guest 'cat /mnt/f')" = two ]
	mv /srv/host/f /srv/host/g
	[ "$(guest 'cat /mnt/g')" = two ]
	fails guest 'cat /mnt/f'
	rm /srv/host/g
	fails guest 'cat /mnt/g'
}

seen_by_dom0()
{
	guest 'echo mine >/mnt/f; chown 12:34 /mnt/f; chmod 640 /mnt/f; ln -s f /mnt/l; mkfifo /mnt/p'
	[ "$(stat -c '%u %g %a %s' /srv/host/f)" = "12 34 640 5" ]
	[ "$(readlink /srv/host/l)" = f ]
	[ -p /srv/host/p ]
	guest 'rm /mnt/f /mnt/l /mnt/p'
	[ -z "$(ls /srv/host)" ]
}

renamed_underneath()
{
	echo data >/srv/host/f
	guest 'exec 3</mnt/f; touch /run/opened
		while [ ! -e /run/go ]; do sleep 0.1; done; cat <&3' >/tmp/out &
	until guest 'test -e /run/opened'; do sleep 0.1; done
	mkdir /srv/host/d
	mv /srv/host/f /srv/host/d/g
	guest 'touch /run/go'
	wait $!
	guest 'rm /run/opened /run/go'
	[ "$(cat /tmp/out)" = data ]
	rm -r /srv/host/d
}

removed_underneath()
{
	echo data >/srv/host/f
	guest 'exec 3<>/mnt/f; touch /run/opened
		while [ ! -e /run/go ]; do sleep 0.1; done
		cat <&3; echo more >&3' >/tmp/out &
	until guest 'test -e /run/opened'; do sleep 0.1; done
	rm /srv/host/f
	guest 'touch /run/go'
	wait $!
	guest 'rm /run/opened /run/go'
	[ "$(cat /tmp/out)" = data ]
}

moved_out()
{
	mkdir -p /srv/host/a/b
	guest 'cd /mnt/a/b; touch /run/inside
		while [ ! -e /run/go ]; do sleep 0.1; done
		cat ../../outside/secret ../../../srv/outside/secret ../secret
		ls .. ../..; true' >/tmp/out 2>&1 &
	until guest 'test -e /run/inside'; do sleep 0.1; done
	mv /srv/host/a/b /srv/outside/b
	guest 'touch /run/go'
	wait $!
	guest 'rm /run/inside /run/go'
	cat /tmp/out
	fails grep -x secret /tmp/out
	rm -r /srv/outside/b /srv/host/a
}

links_are_not_followed()
{
	ln -s /srv/outside /srv/host/l
	ln -s /srv/outside/secret /srv/host/s
	fails guest 'cat /mnt/l/secret'
	fails guest 'cat /mnt/s'
	[ "$(guest 'readlink /mnt/s')" = /srv/outside/secret ]
	rm /srv/host/l /srv/host/s
}

rig-guest create h --front ours --back ours \
	--p9 'tag=host,security_model=none,path=/srv/host'
rig-guest mount h host /mnt

plan 6
run_test "the guest sees what dom0 writes, renames and removes" seen_by_the_guest
run_test "dom0 sees the guest's files, owners, modes and links" seen_by_dom0
run_test "a file renamed underneath stays open" renamed_underneath
run_test "a file removed underneath stays open" removed_underneath
run_test "a directory moved out of the export leads nowhere" moved_out
run_test "links out of the export are the guest's to follow" links_are_not_followed
finish
