#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mount_tcp.sh tcp:HOST:PORT EXPORT: mounts the server with the kernel's own
# 9P client and does ordinary work with files there. What comes out is compared
# with EXPORT, the served directory as it is seen here.

. "$(dirname "$(readlink -f "$0")")/../lib/ktap.sh"

where=${1#tcp:}
export=$2
mnt=$(mktemp -d)
top=$export/mount-$$
work=$mnt/mount-$$

end()
{
	cd /
	umount -l "$mnt" 2> /dev/null || true
	rmdir "$mnt"
	rm -rf "$top"
}
trap end EXIT

mount_9p()
{
	mount -t 9p -o "trans=tcp,version=9p2000.L,port=${where##*:},access=client,$1" \
		"${where%:*}" "$mnt"
}

mounts()
{
	mkdir "$top"
	chmod 777 "$top"
	mount_9p "cache=none"
	[ -d "$work" ]
	equal "$(stat -f -c '%b %S' "$mnt")" "$(stat -f -c '%b %S' "$export")"
}

copies()
{
	cd "$work"
	head -c 3000001 /dev/urandom > /tmp/data-$$
	cp /tmp/data-$$ data
	cmp /tmp/data-$$ data
	cmp /tmp/data-$$ "$top/data"
	dd if="$top/data" of=again bs=37777 status=none
	cmp again /tmp/data-$$
	rm /tmp/data-$$ again
	[ ! -e "$top/again" ]
}

many_files()
{
	local n

	cd "$work"
	mkdir many
	for n in {1..300}; do
		echo "$n" > "many/file-$n"
	done
	equal "$(find many -type f | wc -l)" 300
	equal "$(cat many/file-* | sort -n | tail -1)" 300
	diff -r many "$top/many"
	rm -r many
	[ ! -e "$top/many" ]
}

tars()
{
	cd "$work"
	mkdir from to
	cp -r /usr/lib/python3*/json /usr/lib/python3*/email from/
	chmod 711 from/json
	ln -s json/decoder.py from/link
	ln from/json/decoder.py from/hard
	tar -C from -cf archive .
	tar -C to -xpf archive
	diff -r --no-dereference from to
	equal "$(cd from && find . -printf '%p %y %m %u %g %n %l\n' | sort)" \
		"$(cd to && find . -printf '%p %y %m %u %g %n %l\n' | sort)"
	equal "$(cd to && find . -printf '%p %y %m %u %g %n %l\n' | sort)" \
		"$(cd "$top/to" && find . -printf '%p %y %m %u %g %n %l\n' | sort)"
	rm -r from to archive
}

attributes()
{
	cd "$work"
	echo text > file
	chmod 4750 file
	chown 12:34 file
	touch -d '2001-02-03 04:05:06.789' file
	equal "$(stat -c '%a %u %g %s %y' file)" \
		"$(stat -c '%a %u %g %s %y' "$top/file")"
	truncate -s 2 file
	equal "$(cat "$top/file")" te
	truncate -s 100000 file
	equal "$(stat -c %s "$top/file")" 100000
	rm file
}

renames()
{
	cd "$work"
	mkdir a b
	echo one > a/one
	echo two > b/two
	mv a/one b/two
	equal "$(cat "$top/b/two")" one
	mv b a/c
	equal "$(cat a/c/two)" one
	rm -r a
}

special()
{
	cd "$work"
	mkfifo fifo
	equal "$(stat -c %F "$top/fifo")" fifo
	echo through > fifo &
	equal "$(cat fifo)" through
	wait $!
	fails mknod null c 1 3
	rm fifo
}

unlinked()
{
	cd "$work"
	exec 7<> open
	echo before >&7
	rm open
	echo after >&7
	equal "$(stat -L -c '%s %h' /proc/self/fd/7)" "13 0"
	equal "$(python3 -c 'import os; print(os.pread(7, 99, 0))')" \
		"b'before\\nafter\\n'"
	exec 7>&-
}

parallel()
{
	local n

	cd "$work"
	for n in 1 2 3 4; do
		(
			mkdir "p$n"
			for m in {1..50}; do
				echo "$n $m" > "p$n/$m"
				mv "p$n/$m" "p$n/x$m"
				[ "$(cat "p$n/x$m")" = "$n $m" ]
			done
			rm -r "p$n"
		) &
	done
	for n in 1 2 3 4; do
		wait -n
	done
	equal "$(ls -A "$top")" data
}

as_user()
{
	cd "$work"
	mkdir users
	chown 1000:1000 users
	setpriv --reuid 1000 --regid 1000 --clear-groups \
		sh -c 'echo mine > users/file'
	equal "$(stat -c '%u %g' "$top/users/file")" "1000 1000"
	chmod 700 users
	fails setpriv --reuid 1001 --regid 1001 --clear-groups cat users/file
	rm -r users
}

cached()
{
	local mode

	umount "$mnt"
	for mode in mmap loose; do
		mount_9p "cache=$mode"
		cd "$work"
		python3 - <<-END
			import mmap
			with open("mapped", "w+b") as f:
			    f.truncate(100000)
			    with mmap.mmap(f.fileno(), 0) as m:
			        m[50000:50004] = b"data"
			        m.flush()
		END
		equal "$(dd if="$top/mapped" bs=1 skip=50000 count=4 status=none)" data
		rm mapped
		cd /
		umount "$mnt"
	done
}

# Extended attributes, and capabilities, which are one
xattrs()
{
	cd "$work"
	echo text > file
	setfattr -n user.color -v blue file
	setfattr -n trusted.key -v secret file
	equal "$(getfattr --only-values -n user.color "$top/file")" blue
	equal "$(getfattr --only-values -n trusted.key "$top/file")" secret
	setfattr -n user.host -v here "$top/file"
	equal "$(getfattr --only-values -n user.host file)" here
	equal "$(getfattr -d -m - file)" "$(cd "$top" && getfattr -d -m - file)"
	setfattr -x user.color file
	fails getfattr -n user.color "$top/file"
	setcap cap_net_raw+ep file
	equal "$(getcap file)" "$(cd "$top" && getcap file)"
	equal "$(cd "$top" && getcap file)" "file cap_net_raw=ep"
	setcap -r file
	fails getfattr -n security.capability "$top/file"
	rm file
}

# With posixacl the client asks for ACLs and checks them itself
acls()
{
	cd /
	umount "$mnt"
	mount_9p posixacl
	cd "$work"
	mkdir acls
	echo text > acls/file
	chmod 600 acls/file
	setfacl -m u:1234:rw,g:2345:r acls/file
	equal "$(cd "$top" && getfacl -n acls/file)" "$(getfacl -n acls/file)"
	(cd "$top" && getfacl -n acls/file) | grep -x 'user:1234:rw-'
	setpriv --reuid 1234 --regid 1234 --clear-groups cat acls/file
	fails setpriv --reuid 1235 --regid 1235 --clear-groups cat acls/file
	setfacl -d -m u:1234:rwx acls
	echo text > acls/inherits
	mkdir acls/dir
	(cd "$top" && getfacl -n acls/inherits) | grep '^user:1234:rwx'
	(cd "$top" && getfacl -n acls/dir) | grep '^default:user:1234:rwx'
	setfacl -b acls/file
	# shellcheck disable=SC2016 # eval's variables
	fails eval '(cd "$top" && getfacl -n acls/file) | grep user:1234'
	rm -r acls
	cd /
	umount "$mnt"
	mount_9p cache=none
}

# Locks of this side are in the way of the other, both ways
locks()
{
	cd /
	umount "$mnt"
	# A lock that somebody else has is asked for again every second
	mount_9p cache=none,locktimeout=1
	cd "$work"
	python3 - "$work/file" "$top/file" <<-'END'
		import errno
		import fcntl
		import os
		import sys
		import time

		def taken(path, length=0, start=0):
		    with open(path, "r+b") as f:
		        try:
		            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
		        except OSError as err:
		            assert err.errno in (errno.EAGAIN, errno.EACCES), err
		            return True
		        return False

		with open(sys.argv[1], "wb") as f:
		    f.write(b"x" * 100)
		for here, there in sys.argv[1:], sys.argv[2:0:-1]:
		    with open(here, "r+b") as f:
		        fcntl.lockf(f, fcntl.LOCK_EX, 10, 20)
		        assert taken(there, 1, 25), (here, "25 is free")
		        assert not taken(there, 20, 0), (here, "0 is taken")
		        assert not taken(there, 1, 30), (here, "30 is taken")
		        fcntl.lockf(f, fcntl.LOCK_UN, 5, 20)
		        assert not taken(there, 5, 20), (here, "20 is taken")
		        assert taken(there, 5, 25), (here, "25 is free after all")
		    assert not taken(there), (here, "a lock outlives its file")
		    with open(here, "r+b") as f:
		        fcntl.flock(f, fcntl.LOCK_EX)
		        # flock of a local file is no lock of fcntl's kind
		        if here == sys.argv[1]:
		            assert taken(there), "flock is not seen"
		    assert not taken(there), (here, "flock outlives its file")
		# To wait for what the other side holds, and to get it
		with open(sys.argv[2], "r+b") as f:
		    fcntl.lockf(f, fcntl.LOCK_EX)
		    child = os.fork()
		    if not child:
		        with open(sys.argv[1], "r+b") as mine:
		            fcntl.lockf(mine, fcntl.LOCK_EX)
		            os._exit(0)
		    time.sleep(3)
		    assert os.waitpid(child, os.WNOHANG) == (0, 0), "not waited for"
		assert os.waitpid(child, 0)[1] == 0, "not got"
		assert not taken(sys.argv[2]), "a lock outlives its process"
	END
	rm file
	cd /
	umount "$mnt"
	mount_9p cache=none
}

if [ "$(id -u)" != 0 ] || ! modprobe -q 9p; then
	skip_all "needs root and the kernel's 9p client"
fi
modprobe -q 9pnet_fd || true

plan 14
run_test "the kernel's client mounts the export over TCP" mounts
run_test "files of any size are the same on both sides" copies
run_test "many small files are made, listed, compared and removed" many_files
run_test "tar packs and unpacks with modes, owners, links" tars
run_test "attributes and sizes are set and seen" attributes
run_test "files and directories are renamed, over others too" renames
run_test "a FIFO works among clients, device nodes are refused" special
run_test "an open file that is removed can still be used" unlinked
run_test "four processes at a time do not disturb each other" parallel
run_test "files belong to the user who made them, and others keep out" as_user
run_test "extended attributes and capabilities are those of the file" xattrs
run_test "ACLs are set, inherited, checked and removed" acls
run_test "locks are in the way on both sides, and are waited for" locks
run_test "caching modes map files and write them back" cached
finish
