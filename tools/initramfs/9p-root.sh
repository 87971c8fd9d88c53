# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Boot from 9P, what initramfs-tools and dracut share: reads root=9p:TAG[,OPTION]...,
# waits for the device of that tag, mounts it. Of programs it needs dmesg, mkdir,
# modprobe, mount and sleep alone, so klibc's will do.
#
# A function that fails leaves the reason in p9_error. Documentation/boot.rst tells
# what people may write.

# Ahead of what is asked for, which wins
p9_defaults=trans=xen,version=9p2000.L,msize=524288,cache=mmap
# Seconds to wait for the device, and the tmpfs of "overlay", if nobody says otherwise
p9_patience=30
p9_size=50%

# What may be said besides these: "overlay" and "wait", which are read here
p9_flags="nodevmap noxattr directio ignoreqv posixacl"
p9_numbers="debug dfltuid dfltgid msize locktimeout negtimeout"
p9_words="trans version cache access uname aname cachetag"
p9_vfs="ro rw atime noatime diratime nodiratime relatime norelatime strictatime"
p9_vfs="$p9_vfs nostrictatime lazytime nolazytime dev nodev exec noexec suid nosuid sync"
p9_vfs="$p9_vfs async dirsync iversion noiversion nosymfollow"

# p9_among WORD LIST
p9_among()
{
	case " $2 " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

p9_fail()
{
	p9_error=$*
	return 1
}

p9_is_number()
{
	case $1 in
	"" | *[!0-9]*) return 1 ;;
	esac
}

# The kernel takes no notice of an option that it does not know, and refuses a
# wrong value without a word
p9_check_value()
{
	case $1=$2 in
	trans=xen | version=9p2000.L | version=9p2000.u | version=9p2000) ;;
	cache=none | cache=readahead | cache=mmap | cache=loose | cache=fscache) ;;
	access=user | access=any | access=client) ;;
	uname=?* | aname=?* | cachetag=?*) ;;
	cache=* | access=*)
		p9_is_number "$2" && return
		p9_fail "the option $1 cannot be '$2'"
		;;
	trans=*) p9_fail "the option trans cannot be '$2': root=9p: boots from Xen devices" ;;
	*) p9_fail "the option $1 cannot be '$2'" ;;
	esac
}

# p9_take OPTION: check one, and keep it
p9_take()
{
	case $1 in
	wait=*)
		p9_patience=${1#wait=}
		p9_is_number "$p9_patience" ||
			p9_fail "the option wait is a number of seconds, not '$p9_patience'"
		return
		;;
	overlay | overlay=?*)
		p9_overlay=${1#overlay}
		p9_overlay=${p9_overlay#=}
		p9_overlay=${p9_overlay:-$p9_size}
		return
		;;
	*=*)
		if p9_among "${1%%=*}" "$p9_words"; then
			p9_check_value "${1%%=*}" "${1#*=}" || return
		elif p9_among "${1%%=*}" "$p9_numbers"; then
			p9_is_number "${1#*=}" ||
				p9_fail "the option ${1%%=*} is a number, not '${1#*=}'" || return
		else
			p9_unknown "$1" || return
		fi
		;;
	*) p9_among "$1" "$p9_flags $p9_vfs" || p9_unknown "$1" || return ;;
	esac
	p9_options=$p9_options,$1
}

p9_unknown()
{
	p9_fail "there is no option '$1'. Of 9P there are $p9_flags and, with =VALUE," \
		"$p9_words $p9_numbers; besides, overlay[=SIZE] and wait=SECONDS"
}

# p9_parse ROOT FLAGS: what root= and rootflags= say; sets p9_tag, p9_options,
# p9_overlay and p9_patience
p9_parse()
{
	p9_given=${1#9p:}
	p9_tag=${p9_given%%,*}
	p9_options=
	p9_overlay=
	case $p9_given in
	*,*) p9_given=${p9_given#*,},$2 ;;
	*) p9_given=$2 ;;
	esac
	[ -n "$p9_tag" ] ||
		p9_fail "root=$1 names no tag: say root=9p:TAG, as in the line p9 = [ 'tag=TAG,...' ]" \
			"of this domain's configuration" || return
	while [ -n "$p9_given" ]; do
		p9_option=${p9_given%%,*}
		case $p9_given in
		*,*) p9_given=${p9_given#*,} ;;
		*) p9_given= ;;
		esac
		[ -z "$p9_option" ] || p9_take "$p9_option" || return
	done
}

# p9_load MODULE SIGN: have a driver, of which SIGN is there once it runs
p9_load()
{
	modprobe "$1" 2>/dev/null
	[ -e "$2" ] || p9_fail "the module $1 is not in this initramfs, or does not load in" \
		"this kernel: in the domain, run update-initramfs or dracut with the module installed"
}

p9_has_filesystem()
{
	while read -r p9_kind p9_type; do
		[ "$p9_kind" != nodev ] || [ "$p9_type" != "$1" ] || return 0
	done </proc/filesystems
	return 1
}

p9_load_all()
{
	[ -d /sys/bus/xen ] || p9_fail "this is no domain of Xen" || return
	p9_load 9pnet_xen /sys/bus/xen/drivers/9pfs || return
	for p9_type in 9p ${p9_overlay:+overlay}; do
		modprobe "$p9_type" 2>/dev/null
		p9_has_filesystem "$p9_type" ||
			p9_fail "the module $p9_type is not in this initramfs, or does not load in this kernel" ||
			return
	done
}

# p9_read FILE: sets p9_line, to nothing if the file is not there
p9_read()
{
	p9_line=
	# It may go between the two
	[ -r "$1" ] && read -r p9_line <"$1"
	return 0
} 2>/dev/null

# Looks at all devices: true if the one that is wanted can be mounted. Sets
# p9_known to tags and states, and p9_state to that of the one that is wanted.
p9_look()
{
	p9_known=
	p9_state=
	for p9_device in /sys/bus/xen/devices/9pfs-*; do
		[ -e "$p9_device" ] || return 1
		p9_read "$p9_device/state"
		p9_now=${p9_line:-gone}
		p9_read "$p9_device/mount_tag"
		p9_known="$p9_known${p9_known:+, }'${p9_line:-?}' ($p9_now)"
		# The in-tree transport does not show tags: let the mount find out
		[ "${p9_line:-$p9_tag}" != "$p9_tag" ] || p9_state=$p9_now
		# Until it is mounted one may be closed, by the backend that it has. If it
		# is closed over an error, the mount will tell
		case $p9_state in
		Connected | Closed) return 0 ;;
		esac
	done
	return 1
}

p9_why_not()
{
	case $p9_state in
	"") p9_error="no device has the tag '$p9_tag' after $p9_patience s; the tags are: $p9_known" ;;
	*) p9_error="the device of tag '$p9_tag' did not connect within $p9_patience s: is a backend running in the domain that exports it? The devices are: $p9_known" ;;
	esac
	[ -n "$p9_known" ] ||
		p9_error="this domain has no 9pfs device, after $p9_patience s: its configuration lacks the line p9 = [ 'tag=$p9_tag,...' ]"
}

# Waits for the device, and says so if that takes more than a moment
p9_await()
{
	p9_load_all || return
	p9_tries=$((p9_patience * 5))
	while ! p9_look; do
		if [ "$p9_tries" -le 0 ]; then
			p9_why_not
			return 1
		fi
		[ "$p9_tries" != $((p9_patience * 5 - 5)) ] ||
			echo "9p: waiting for the device of tag '$p9_tag', up to $p9_patience s"
		sleep 0.2
		p9_tries=$((p9_tries - 1))
	done
}

# p9_mount_tag DIR MODE
p9_mount_tag()
{
	p9_all=$p9_defaults,$2$p9_options
	mount -t 9p -o "$p9_all" "$p9_tag" "$1" ||
		p9_fail "the tag '$p9_tag' cannot be mounted with the options $p9_all"
}

# What the guest changes is kept in memory, and goes with it
p9_mount_overlay()
{
	p9_room=/run/9p-root
	mkdir -p "$p9_room/lower" "$p9_room/memory"
	p9_mount_tag "$p9_room/lower" ro || return
	mount -t tmpfs -o "size=$p9_overlay,mode=755" 9p-root "$p9_room/memory" ||
		p9_fail "there is no tmpfs of size $p9_overlay for the overlay" || return
	mkdir "$p9_room/memory/upper" "$p9_room/memory/work"
	mount -t overlay -o \
		"lowerdir=$p9_room/lower,upperdir=$p9_room/memory/upper,workdir=$p9_room/memory/work" \
		overlay "$1" || p9_fail "the overlay over the tag '$p9_tag' cannot be mounted"
}

# p9_mount DIR MODE: mount the root at DIR, ro or rw
p9_mount()
{
	if [ -n "$p9_overlay" ]; then
		p9_mount_overlay "$1"
	else
		p9_mount_tag "$1" "$2"
	fi
}

# Of the kernel's log what concerns 9P, of which "quiet" keeps some from the console
p9_kernel_said()
{
	dmesg | while read -r p9_line; do
		case $p9_line in
		*ommand\ line:*) ;;
		*9pfs* | *9pnet* | *9p:*) echo "$p9_line" ;;
		esac
	done
}

# Why there is no root, at length
p9_report()
{
	echo "9p: there is no root file system: $p9_error"
	p9_lines=$(p9_kernel_said)
	[ -z "$p9_lines" ] || printf '9p: the kernel said:\n%s\n' "$p9_lines"
}
