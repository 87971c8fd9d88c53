#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot from 9P by dracut, with the same words on the command line: a domain comes
# up, and what is wrong is named on the console, in the time that rd.retry allows,
# and followed by dracut's emergency mode, or by what rd.shell=0 makes of it.
#
# rig: kernel=lts,mainline args=--guest-root when=named timeout=2400

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
trap domain_clean EXIT

# Of a boot, on a busy host
patience=900

# domain NAME WORDS TAG=PATH
domain()
{
	domain_config "$1" pv "$initramfs" "$2" 384
	domain_p9 "$1" "$3"
	domain_start "$1"
}

# stopped NAME PATTERN: in emergency mode, for that reason
stopped()
{
	domain_says "$1" 'emergency mode\|ress Enter for maintenance\|Cannot open access to console' "$patience"
	domain_says "$1" "$2" 10
}

boots()
{
	domain_login good "$patience"
	# shellcheck disable=SC2016 # for the shell in the domain
	domain_tell good 'echo state: $(systemctl is-system-running --wait); grep " / " /proc/mounts'
	domain_says good '^state: running' "$patience"
	domain_says good '^root / 9p rw,.*msize=65536' 20
}

shuts_down()
{
	domain_tell good poweroff
	domain_gone good "$patience"
}

no_such_tag()
{
	stopped tag "no device has the tag 'root' after 4 s; the tags are: 'other' (Closed)"
}

option_is_misspelt()
{
	domain_gone option "$patience"
	domain_says option "there is no option 'cash=loose'" 1
}

domain_disk 1
root=/srv/boot-1/root
initramfs=/srv/boot-1/dracut/$DOMAIN_RELEASE

plan 4
# One at a time: on an emulated CPU systemd gives up waiting for itself otherwise
domain tag 'root=9p:root rd.retry=4' "other=$root"
run_test "no device of that tag" no_such_tag
xl destroy tag
domain option 'root=9p:root,cash=loose rd.shell=0' "root=$root"
run_test "an option that is misspelt, and no shell" option_is_misspelt
domain good 'root=9p:root,msize=65536 rw' "root=$root"
run_test "a domain boots" boots
run_test "it shuts down" shuts_down
finish
