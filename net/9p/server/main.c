// SPDX-License-Identifier: GPL-2.0
/*
 * The 9P2000.L file server. Files of this machine's VFS are served to whoever
 * a transport brings: a guest through a Xen backend, a peer on a socket.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "debugfs.h"
#include "socket.h"
#include "sysfs.h"

static int __init p9s_init(void)
{
	int err;

	err = p9s_sysfs_init();
	if (err)
		return err;
	p9s_debugfs_init();
	err = p9_server_socket_init();
	if (err)
		goto hide;
	return 0;

hide:
	p9s_debugfs_exit();
	p9s_sysfs_exit();
	return err;
}

static void __exit p9s_exit(void)
{
	p9_server_socket_exit();
	p9s_debugfs_exit();
	p9s_sysfs_exit();
}

module_init(p9s_init);
module_exit(p9s_exit);

MODULE_DESCRIPTION("9P2000.L file server");
MODULE_LICENSE("GPL");
