#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A generator of units in dracut's initramfs: with root=9p: systemd does not wait for a
# device to resume from. $2 is where what it would generate itself is overruled.

# shellcheck source=/dev/null
. /lib/dracut-lib.sh

case $(getarg root=) in
9p:*)
	ln -s /dev/null "$2/systemd-hibernate-resume.service"
	;;
esac
