/* SPDX-License-Identifier: GPL-2.0 */
/* POSIX locks of the filesystem of vfs.h, as the kernel keeps them */
#ifndef FUZZ_VFS_LOCK_H
#define FUZZ_VFS_LOCK_H

#define FL_POSIX	1
#define FL_CLOSE	64
#define FL_SLEEP	128

#define FILE_LOCK_DEFERRED	1

struct file_lock_core {
	struct list_head flc_list;
	struct list_head flc_blocked_member;
	wait_queue_head_t flc_wait;
	void *flc_owner;
	struct file *flc_file;
	unsigned int flc_flags;
	unsigned char flc_type;
	pid_t flc_pid;
};

struct file_lock {
	struct file_lock_core c;
	loff_t fl_start;
	loff_t fl_end;
};

#define lock_is_unlock(fl)	((fl)->c.flc_type == F_UNLCK)
#define lock_is_read(fl)	((fl)->c.flc_type == F_RDLCK)
#define lock_is_write(fl)	((fl)->c.flc_type == F_WRLCK)
#define for_each_file_lock(fl, head) \
	list_for_each_entry(fl, head, c.flc_list)
#define locks_inode_context(inode)	((inode)->locks)
#define locks_release_private(fl)	((void)(fl))

void locks_init_lock(struct file_lock *fl);
struct file_lock *locks_alloc_lock(void);
void locks_free_lock(struct file_lock *fl);
int locks_delete_block(struct file_lock *fl);
const struct file_operations *vfs_lock_operations(const struct inode *inode);
int vfs_lock_file(struct file *file, unsigned int command, struct file_lock *fl,
		  struct file_lock *conflict);
int vfs_test_lock(struct file *file, struct file_lock *fl);

#endif /* FUZZ_VFS_LOCK_H */
