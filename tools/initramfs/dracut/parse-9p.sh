#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dracut: root=9p:TAG is a root that somebody knows how to mount, and leaves nothing to
# resume from. Whether that is systemd's matter or dracut's own depends on the image: for
# the former see no-resume.sh.

case ${root-} in
9p:*)
	# shellcheck disable=SC2034 # dracut's
	rootok=1
	echo noresume >>/etc/cmdline.d/xen-9p.conf
	;;
esac
