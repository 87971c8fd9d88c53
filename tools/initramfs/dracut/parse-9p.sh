#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dracut: root=9p:TAG is a root that somebody knows how to mount.

case ${root-} in
9p:*)
	# shellcheck disable=SC2034 # dracut's
	rootok=1
	;;
esac
