/* SPDX-License-Identifier: GPL-2.0 */
/* A place in the tree: counted by the tests */
#ifndef SHIM_LINUX_PATH_H
#define SHIM_LINUX_PATH_H

struct vfsmount;
struct dentry;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

void path_get(const struct path *path);
void path_put(const struct path *path);

#endif /* SHIM_LINUX_PATH_H */
