# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Domains that boot an ordinary Debian from 9P: made by xl, watched and spoken to
# through their consoles. For suites with "args=--guest-root", which give dom0 the
# disks /dev/rig-guest-root-1 and -2.

DOMAIN_CONSOLES=/var/log/xen/console
# shellcheck disable=SC2034 # for suites
DOMAIN_RELEASE=$(ls /run/rig/modules)
case $RIG_KERNEL in
lts|mainline|9p) ;;
*) skip_all "there is no initramfs with the modules of the kernel $RIG_KERNEL" ;;
esac
# What makes an emulated CPU faster, as the rig's guests have it; but these are several,
# and the ticks of one that idles take a third of the CPU from the others
DOMAIN_FAST="${RIG_KERNEL_WORDS/nohz=off/nohz=on} quiet systemd.show_status=0 systemd.tty.term.hvc0=dumb"
# systemd gives up the login at hvc0, and is up without it, when udev has not got to that
# device within 90 s
DOMAIN_FAST+=" systemd.default_device_timeout_sec=900 systemd.default_timeout_start_sec=900"
# Nor has dom0 always got to a new domain's rings by then
DOMAIN_FAST+=" 9pnet_xen.mount_timeout=300"

# Else the domains that boot keep dom0, which serves them all, from the only CPU
xl sched-credit2 -d 0 -w 4096
# Nobody writes to it: to wait there starts no program, as sleep would
exec {DOMAIN_IDLE}<> <(:)

# domain_disk NUMBER: mount a disk with a root tree at /srv/boot-NUMBER. Its login and its
# services are as patient as who waits for them: a minute is not enough on a busy host
domain_disk()
{
	local settings=/srv/boot-$1/root/etc/login.defs
	local services=/srv/boot-$1/root/etc/systemd/system/service.d

	mkdir -p "/srv/boot-$1"
	mount "/dev/rig-guest-root-$1" "/srv/boot-$1"
	sed -i '/^LOGIN_TIMEOUT/d' "$settings"
	echo 'LOGIN_TIMEOUT 900' >>"$settings"
	mkdir -p "$services"
	printf '[Service]\nTimeoutStartSec=900\n' >"$services/patient.conf"
	# Of what systemctl asks
	echo SYSTEMD_BUS_TIMEOUT=900 >>"/srv/boot-$1/root/etc/environment"
}

domain_log()
{
	echo "$DOMAIN_CONSOLES/guest-$1.log"
}

# domain_config NAME TYPE INITRAMFS WORDS [MEMORY]: xl's configuration of a domain
# with the run's kernel, without a device; INITRAMFS is a file, or empty
domain_config()
{
	cat >"/tmp/$1.cfg" <<-END
	name = "$1"
	type = "$2"
	memory = ${5:-320}
	vcpus = 1
	kernel = "/run/rig/boot/vmlinux-$RIG_KERNEL"
	extra = "console=hvc0 $DOMAIN_FAST $4"
	on_crash = "destroy"
	tsc_mode = "native"
	END
	[ -z "$3" ] || echo "ramdisk = \"$3\"" >>"/tmp/$1.cfg"
}

# domain_p9 NAME TAG=PATH...: give it devices
domain_p9()
{
	local name=$1 one list=
	shift

	for one in "$@"; do
		list+="\"tag=${one%%=*},security_model=none,path=${one#*=}\", "
	done
	echo "p9 = [ $list]" >>"/tmp/$name.cfg"
}

# domain_start NAME [OPTION-OF-XL-CREATE]
domain_start()
{
	local name=$1
	shift

	xl create -q "$@" "/tmp/$name.cfg"
	xl domid "$name" >"/tmp/$name.domid"
	domain_mark "$name"
}

# domain_mark NAME: what its console says from now on is what counts
domain_mark()
{
	local log

	log=$(domain_log "$1")
	stat -c %s "$log" 2>/dev/null >"/tmp/$1.mark" || echo 0 >"/tmp/$1.mark"
}

# domain_said NAME: what its console has said since the mark
domain_said()
{
	tail -c "+$(($(cat "/tmp/$1.mark") + 1))" "$(domain_log "$1")" 2>/dev/null | tr -d '\r'
}

# domain_pause SECONDS: leave the CPU to the domain
domain_pause()
{
	read -r -t "$1" -u "$DOMAIN_IDLE" || true
}

# domain_says NAME PATTERN SECONDS: wait until it does. Reads the console only when
# something is new there: to start programs over and over would take the CPU from the
# domain that is waited for.
domain_says()
{
	local end=$((SECONDS + $3)) log looked=/tmp/$1.looked

	log=$(domain_log "$1")
	until
		: >"$looked"
		# No pipe, of which grep would leave the writer alone with its error
		grep -q -e "$2" <<<"$(domain_said "$1")"
	do
		while
			if [ "$SECONDS" -ge "$end" ]; then
				echo "$1 has not said '$2' within $3 s; its console ends:"
				domain_said "$1" | tail -n 30
				return 1
			fi
			domain_pause 0.3
			[ "$looked" -nt "$log" ]
		do :; done
	done
}

# domain_tell NAME TEXT: type a line
domain_tell()
{
	local known=/tmp/$1.domid tty

	# It has another number after a reboot; and xl is slow to ask
	if ! tty=$(domain_tty "$(cat "$known")"); then
		xl domid "$1" >"$known"
		tty=$(domain_tty "$(cat "$known")")
	fi
	printf '%s\n' "$2" >"$tty"
}

domain_tty()
{
	xenstore-read "/local/domain/$1/console/tty"
}

# domain_gone NAME SECONDS: wait until it has ended by itself
domain_gone()
{
	local end=$((SECONDS + $2))

	while xl domid "$1" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "$1 is still there after $2 s; its console ends:"
			domain_said "$1" | tail -n 30
			return 1
		fi
		domain_pause 1
	done
}

# domain_ran_init NAME SECONDS ROOT: wait for a domain whose init is selftests/boot/init
# to have run it, and to have ended. Its root was mounted as the pattern ROOT says, and
# was read-only in the end.
domain_ran_init()
{
	domain_says "$1" '^init: on' "$2"
	domain_gone "$1" 120
	domain_said "$1" | grep -e "$3"
	domain_said "$1" | grep '^init: and is read-only again'
}

# domain_login NAME SECONDS: wait for its prompt, and log in as root, who has no
# password
domain_login()
{
	domain_says "$1" ' login: ' "$2"
	domain_tell "$1" root
	domain_says "$1" 'root@' "$2"
}

# At a suite's end, however it ends: no domain and no mount is left
domain_clean()
{
	local name number

	for name in $(xl list | awk 'NR > 1 && $1 != "Domain-0" { print $2 }'); do
		xl destroy "$name" || true
	done
	for number in 1 2; do
		mountpoint -q "/srv/boot-$number" || continue
		umount "/srv/boot-$number" || umount -l "/srv/boot-$number"
	done
}
