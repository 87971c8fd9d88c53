// SPDX-License-Identifier: GPL-2.0
/*
 * What a session wants of the kernel besides files: credentials, a thread's
 * buffer, statistics that nobody reads.
 */
#include "kernel.h"
#include "vfs_tree.h"

#include "session.h"
#include "thread.h"

struct task_struct {
	int unused;
};

struct task_struct init_task;

static struct cred boot_cred = { .users = { 1 } };
static const struct cred *current = &boot_cred;
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

const struct cred *get_cred(const struct cred *cred)
{
	refcount_inc(&((struct cred *)cred)->users);
	return cred;
}

void put_cred(const struct cred *cred)
{
	if (!cred || !refcount_dec_and_test(&((struct cred *)cred)->users))
		return;
	fuzz_must(cred != current, "credentials in use are freed");
	kfree(cred);
	creds--;
}

const struct cred *current_cred(void)
{
	return current;
}

const struct cred *override_creds(const struct cred *cred)
{
	const struct cred *old = current;

	current = cred;
	return old;
}

void revert_creds(const struct cred *old)
{
	current = old;
}

void fuzz_creds_are_put(void)
{
	fuzz_must(current == &boot_cred, "somebody's credentials are on");
	fuzz_must(!creds, "credentials are left");
}

int kstrtou32(const char *text, unsigned int base, u32 *value)
{
	*value = strtoul(text, NULL, base);
	return 0;
}

void *p9s_thread_buffer(struct p9s_thread *thread, size_t size)
{
	free(thread->buffer);
	/* As large as it is said to be: the sanitizer sees the next byte */
	thread->buffer = vfs_fails() ? NULL : malloc(size);
	return thread->buffer;
}

int p9s_thread_start(struct p9_server_session *session)
{
	(void)session;
	return 0;
}

void p9s_thread_stop(struct p9_server_session *session)
{
	session->stopping = true;
}

void p9_server_ready(struct p9_server_channel *channel)
{
	channel->ready = true;
}

void p9s_stats_count(struct p9s_stats *stats, u8 type, int err)
{
	stats->count[type % P9S_STATS_TYPES].value++;
	if (err)
		stats->errors[type % P9S_STATS_TYPES].value++;
}

void p9s_stats_read(struct p9s_stats *stats, size_t bytes)
{
	stats->bytes_read.value += bytes;
}

void p9s_stats_wrote(struct p9s_stats *stats, size_t bytes)
{
	stats->bytes_written.value += bytes;
}

void p9s_stats_show(struct p9_server_session *session)
{
	(void)session;
}

void p9s_stats_hide(struct p9_server_session *session)
{
	(void)session;
}
