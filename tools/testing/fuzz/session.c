// SPDX-License-Identifier: GPL-2.0
/*
 * What a session wants of the kernel besides files: credentials, time, arrays,
 * and a thread. There is one at a time; it may end and another take over.
 */
#include "kernel.h"
#include "vfs_tree.h"

#include "debugfs.h"
#include "fuzz_thread.h"
#include "session.h"
#include "sysfs.h"
#include "thread.h"

struct user_namespace init_user_ns;
struct task_struct init_task = { .tgid = 1 };

static struct cred boot_cred = { .users = { 1 } };
static const struct cred *acting = &boot_cred;
static long creds;

struct cred *prepare_kernel_cred(struct task_struct *task)
{
	struct cred *cred = unit_zalloc(sizeof(*cred));

	(void)task;
	if (cred) {
		refcount_set(&cred->users, 1);
		creds++;
	}
	return cred;
}

struct cred *prepare_creds(void)
{
	struct cred *cred = prepare_kernel_cred(&init_task);
	refcount_t users;

	if (!cred)
		return NULL;
	users = cred->users;
	*cred = *acting;
	cred->users = users;
	return cred;
}

const struct cred *get_cred(const struct cred *cred)
{
	refcount_inc(&((struct cred *)cred)->users);
	return cred;
}

void put_cred(const struct cred *cred)
{
	if (!cred || !refcount_dec_and_test(&((struct cred *)cred)->users))
		return;
	fuzz_must(cred != acting, "credentials in use are freed");
	kfree(cred);
	creds--;
}

const struct cred *current_cred(void)
{
	return acting;
}

const struct cred *override_creds(const struct cred *cred)
{
	const struct cred *old = acting;

	acting = cred;
	return old;
}

void revert_creds(const struct cred *old)
{
	acting = old;
}

void fuzz_creds_are_put(void)
{
	fuzz_must(acting == &boot_cred, "somebody's credentials are on");
	fuzz_must(!creds, "credentials are left");
}

int kstrtou32(const char *text, unsigned int base, u32 *value)
{
	*value = strtoul(text, NULL, base);
	return 0;
}

/* Everything lasts a microsecond, and it is ten seconds past the epoch */
u64 ktime_get_ns(void)
{
	static u64 now;

	return now += 1000;
}

void ktime_get_coarse_real_ts64(struct timespec64 *time)
{
	*time = (struct timespec64) { .tv_sec = 10 };
}

static struct fuzz_slot *xa_find(struct xarray *xa, unsigned long index)
{
	struct fuzz_slot *slot = xa->slots;

	while (slot && slot->index != index)
		slot = slot->next;
	return slot;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	struct fuzz_slot *slot = xa_find(xa, index);

	return slot ? slot->entry : NULL;
}

void *fuzz_xa_store(struct xarray *xa, unsigned long index, void *entry)
{
	struct fuzz_slot *slot = unit_zalloc(sizeof(*slot));

	fuzz_must(!xa_find(xa, index), "an entry of an array is overwritten");
	if (!slot)
		return ERR_PTR(-ENOMEM);
	*slot = (struct fuzz_slot) { index, entry, xa->slots };
	xa->slots = slot;
	return NULL;
}

void xa_destroy(struct xarray *xa)
{
	struct fuzz_slot *slot;

	while ((slot = xa->slots)) {
		xa->slots = slot->next;
		kfree(slot);
	}
}

struct p9s_thread *fuzz_thread;

int p9s_thread_start(struct p9_server_session *session)
{
	struct p9s_thread *thread = unit_zalloc(sizeof(*thread));

	if (!thread)
		return -ENOMEM;
	thread->session = session;
	thread->counters = p9s_stats_join(&session->stats);
	if (!thread->counters) {
		kfree(thread);
		return -ENOMEM;
	}
	fuzz_thread = thread;
	return 0;
}

static void thread_end(struct p9s_thread *thread)
{
	p9s_stats_leave(&thread->session->stats, thread->counters);
	free(thread->buffer);
	kfree(thread);
}

void p9s_thread_stop(struct p9_server_session *session)
{
	session->stopping = true;
	thread_end(fuzz_thread);
	fuzz_thread = NULL;
}

void fuzz_thread_change(void)
{
	struct p9s_thread *old = fuzz_thread;

	if (!p9s_thread_start(old->session))
		thread_end(old);
}

void *p9s_thread_buffer(struct p9s_thread *thread, size_t size)
{
	free(thread->buffer);
	/* As large as it is said to be: the sanitizer sees the next byte */
	thread->buffer = vfs_fails() ? NULL : malloc(size);
	return thread->buffer;
}

void p9_server_ready(struct p9_server_channel *channel)
{
	channel->ready = true;
}

int p9s_sysfs_show(struct p9_server_session *session)
{
	(void)session;
	return 0;
}

void p9s_sysfs_hide(struct p9_server_session *session)
{
	(void)session;
}

void p9s_debugfs_show(struct p9_server_session *session)
{
	(void)session;
}

void p9s_debugfs_hide(struct p9_server_session *session)
{
	(void)session;
}
