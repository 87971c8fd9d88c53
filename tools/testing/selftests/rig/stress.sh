#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Programs that people run, hard at work in a guest on a mount: stress-ng's
# stressors of filesystems, which check what they find, four of each at a time;
# Lua built from its source by four compilers, which must come out as the one
# that is built in the guest's memory; git with all that it does to a
# repository, which it then finds sound: Lua without the client's cache, git with
# it. With two emulated CPUs as well, where both ends of a ring run at once.
#
# rig: kernel=lts when=spare timeout=900
# rig: kernel=mainline args=--cpus=2 when=spare timeout=1800

. "$(dirname "$0")/../lib/ktap.sh"

export=/srv/stress
# Of each stressor
seconds=1
# Of class filesystem, those that use no more of it than 9P has (no fallocate(),
# no file handles, no ioctls) and that come to an end in emulation: link, symlink
# and unlink do not, for however short they run, each worker then opens and
# removes 8192 names of which hardly any exists
stressors=access,chmod,chown,dentry,dir,flock,fstat,getdent,hdd,lockf,mknod,rename
stressors+=,touch,utime,xattr

# What a command may take: git takes four minutes with a kernel that looks for mistakes
patience=300
case $RIG_KERNEL in
lts|mainline) ;;
*) patience=900 ;;
esac

guest()
{
	rig-guest exec s --timeout "$patience" -- bash -euo pipefail -c "$1"
}

# remount CACHE
remount()
{
	guest 'umount /mnt'
	rig-guest mount s stress /mnt "msize=131072,locktimeout=1,cache=$1"
}

stress()
{
	guest "mkdir /mnt/stress
		stress-ng --with $stressors --sequential 4 --timeout $seconds --verify \\
			--dir-dirs 64 --dentries 64 --hdd-bytes 1m --open-max 64 \\
			--temp-path /mnt/stress 2>&1 | tee /run/stress.log
		rmdir /mnt/stress"
	guest 'grep "failed: 0" /run/stress.log && grep "skipped: 0" /run/stress.log'
}

# build_lua IN: the compiler is one that an emulated CPU does not take long for
build_lua()
{
	guest "mkdir $1/lua && cp -r /rig/lua/src $1/lua && cd $1/lua/src
		make -s -j4 CC=tcc CFLAGS='-DLUA_USE_POSIX' AR='ar rcD' MYLDFLAGS= generic"
}

lua_is_built()
{
	remount "$1"
	build_lua /mnt
	guest 'cmp /mnt/lua/src/lua /run/lua/src/lua
		cmp /mnt/lua/src/liblua.a /run/lua/src/liblua.a
		cd /mnt/lua && src/lua -e "
			local words = {}
			for line in io.lines(\"src/lvm.c\") do words[#words + 1] = line end
			local out = assert(io.open(\"copy\", \"w\"))
			out:write(table.concat(words, \"\\n\"), \"\\n\")
			out:close()"
		cmp copy src/lvm.c
		make -s -C src clean
		diff -r src /rig/lua/src
		rm -r /mnt/lua'
}

git_works()
{
	remount "$1"
	# shellcheck disable=SC2016 # the guest's variables
	guest 'export HOME=/run
		git config --global user.name tester
		git config --global user.email tester@localhost
		git config --global init.defaultBranch main
		git config --global gc.auto 0
		git init -q /mnt/repo
		cd /mnt/repo
		mkdir src
		cp /rig/lua/src/l[a-d]*.[ch] /rig/lua/src/l[uv]*.[ch] src
		git add .
		git commit -q -m "all of it"
		git checkout -q -b other
		sed -i "s/lua_State/LuaState/" src/lapi.c
		git rm -q src/luac.c
		git commit -q -a -m "on a branch"
		git checkout -q main
		[ -e src/luac.c ]
		git mv src/lvm.c src/machine.c
		echo "one line more" >>src/lua.h
		git commit -q -a -m "on the trunk"
		git merge -q -m merged other
		[ ! -e src/luac.c ] && [ -e src/machine.c ]
		grep -q LuaState src/lapi.c
		[ "$(git rev-list --count HEAD)" = 4 ]
		[ -z "$(git status --porcelain)" ]
		git gc -q
		git fsck --full --strict
		git clone -q --no-local . ../clone
		cd ../clone
		git fsck --full --strict
		diff -r --exclude=.git . ../repo
		rm -r /mnt/repo /mnt/clone'
}

nothing_is_left()
{
	[ -z "$(ls -A "$export")" ]
}

mkdir -p "$export"
mount -t tmpfs stress "$export"
rig-guest create s --front ours --back ours --vcpus 2 --memory 768 \
	--p9 "tag=stress,security_model=none,path=$export"
rig-guest mount s stress /mnt locktimeout=1

plan 4
run_test "stress-ng finds what it wrote, four at a time" stress
build_lua /run
run_test "Lua is built, cache=none" lua_is_built none
run_test "git finds its repository sound, cache=mmap" git_works mmap
run_test "nothing is left" nothing_is_left
rig-guest shutdown s
umount "$export"
finish
