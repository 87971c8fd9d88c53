// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/9p-server/<session>: what a session serves, what it has done,
 * what it holds and may hold. Documentation/ABI/testing/sysfs-kernel-9p-server
 * describes each attribute.
 *
 * The directory is the session's, from p9_server_open() to p9_server_close().
 * Removing it waits for who reads an attribute, and the session for the last
 * reference of its kobject, so neither outlives the other or this module.
 */
#include <linux/completion.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/kobject.h>
#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "session.h"
#include "sysfs.h"

static struct kset *p9s_sysfs_root;
static DEFINE_MUTEX(p9s_sysfs_lock);	/* keeps a free name free until taken */

static struct p9_server_session *to_session(struct kobject *kobj)
{
	return container_of(kobj, struct p9_server_session, kobj);
}

/* What it serves */

static ssize_t name_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n", to_session(kobj)->name);
}

static ssize_t path_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	char *room = kmalloc(PATH_MAX, GFP_KERNEL);
	ssize_t len;
	char *path;

	if (!room)
		return -ENOMEM;
	path = d_path(&to_session(kobj)->export.root, room, PATH_MAX);
	len = IS_ERR(path) ? PTR_ERR(path) : sysfs_emit(buf, "%s\n", path);
	kfree(room);
	return len;
}

static ssize_t security_model_show(struct kobject *kobj,
				   struct kobj_attribute *attr, char *buf)
{
	static const char * const names[] = {
		[P9_SERVER_PASSTHROUGH] = "passthrough",
		[P9_SERVER_SQUASH] = "squash",
		[P9_SERVER_CHECKED] = "server",
	};

	return sysfs_emit(buf, "%s\n",
			  names[to_session(kobj)->export.security]);
}

#define P9S_ATTR(name) \
	static struct kobj_attribute p9s_attr_##name = __ATTR_RO(name)

P9S_ATTR(name);
P9S_ATTR(path);
P9S_ATTR(security_model);

/* What it holds, and may hold */

#define P9S_ATTR_NUMBER(name, number)					\
static ssize_t name##_show(struct kobject *kobj,			\
			   struct kobj_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%llu\n", (u64)(number));		\
}									\
P9S_ATTR(name)

P9S_ATTR_NUMBER(readonly, to_session(kobj)->export.readonly);
P9S_ATTR_NUMBER(msize, READ_ONCE(to_session(kobj)->msize));
P9S_ATTR_NUMBER(max_msize, to_session(kobj)->max_msize);
P9S_ATTR_NUMBER(fids, READ_ONCE(to_session(kobj)->fids.nr));
P9S_ATTR_NUMBER(max_fids, to_session(kobj)->fids.max);
P9S_ATTR_NUMBER(open, READ_ONCE(to_session(kobj)->fids.nr_open));
P9S_ATTR_NUMBER(max_open, to_session(kobj)->fids.max_open);
P9S_ATTR_NUMBER(locks, READ_ONCE(to_session(kobj)->locks.nr));
P9S_ATTR_NUMBER(max_locks, to_session(kobj)->locks.max);
P9S_ATTR_NUMBER(xattrs, READ_ONCE(to_session(kobj)->xattrs.used));
P9S_ATTR_NUMBER(max_xattrs, to_session(kobj)->xattrs.max);
P9S_ATTR_NUMBER(inflight, READ_ONCE(to_session(kobj)->nr_requests));
P9S_ATTR_NUMBER(max_requests, to_session(kobj)->max_requests);
P9S_ATTR_NUMBER(buffered, READ_ONCE(to_session(kobj)->buffered));
P9S_ATTR_NUMBER(max_buffered, to_session(kobj)->max_buffered);
P9S_ATTR_NUMBER(threads, READ_ONCE(to_session(kobj)->nr_threads));
P9S_ATTR_NUMBER(max_threads, to_session(kobj)->max_threads);

/* What it has done */

static ssize_t p9s_sysfs_total(struct kobject *kobj, char *buf,
			       enum p9s_stats_total what)
{
	u64 *sums = p9s_stats_sum(&to_session(kobj)->stats);
	ssize_t len;

	if (!sums)
		return -ENOMEM;
	len = sysfs_emit(buf, "%llu\n", sums[what]);
	kvfree(sums);
	return len;
}

/* The same of all operations together */
static ssize_t p9s_sysfs_of_ops(struct kobject *kobj, char *buf,
				enum p9s_stats_op what)
{
	u64 *sums = p9s_stats_sum(&to_session(kobj)->stats);
	unsigned int type;
	u64 total = 0;

	if (!sums)
		return -ENOMEM;
	for (type = 0; type < 2 * P9S_STATS_OPS; type += 2)
		total += sums[p9s_stats_index(type, what)];
	kvfree(sums);
	return sysfs_emit(buf, "%llu\n", total);
}

#define P9S_ATTR_COUNTER(name, show, what)				\
static ssize_t name##_show(struct kobject *kobj,			\
			   struct kobj_attribute *attr, char *buf)	\
{									\
	return show(kobj, buf, what);					\
}									\
P9S_ATTR(name)

P9S_ATTR_COUNTER(requests, p9s_sysfs_of_ops, P9S_COUNT);
P9S_ATTR_COUNTER(errors, p9s_sysfs_of_ops, P9S_ERRORS);
P9S_ATTR_COUNTER(bytes_received, p9s_sysfs_total, P9S_RECEIVED);
P9S_ATTR_COUNTER(bytes_sent, p9s_sysfs_total, P9S_SENT);
P9S_ATTR_COUNTER(bytes_read, p9s_sysfs_total, P9S_READ);
P9S_ATTR_COUNTER(bytes_written, p9s_sysfs_total, P9S_WRITTEN);

static struct attribute *p9s_session_attrs[] = {
	&p9s_attr_name.attr,
	&p9s_attr_path.attr,
	&p9s_attr_security_model.attr,
	&p9s_attr_readonly.attr,
	&p9s_attr_msize.attr,
	&p9s_attr_max_msize.attr,
	&p9s_attr_fids.attr,
	&p9s_attr_max_fids.attr,
	&p9s_attr_open.attr,
	&p9s_attr_max_open.attr,
	&p9s_attr_locks.attr,
	&p9s_attr_max_locks.attr,
	&p9s_attr_xattrs.attr,
	&p9s_attr_max_xattrs.attr,
	&p9s_attr_inflight.attr,
	&p9s_attr_max_requests.attr,
	&p9s_attr_buffered.attr,
	&p9s_attr_max_buffered.attr,
	&p9s_attr_threads.attr,
	&p9s_attr_max_threads.attr,
	&p9s_attr_requests.attr,
	&p9s_attr_errors.attr,
	&p9s_attr_bytes_received.attr,
	&p9s_attr_bytes_sent.attr,
	&p9s_attr_bytes_read.attr,
	&p9s_attr_bytes_written.attr,
	NULL
};
ATTRIBUTE_GROUPS(p9s_session);

static void p9s_sysfs_release(struct kobject *kobj)
{
	complete(&to_session(kobj)->kobj_gone);
}

static const struct kobj_type p9s_session_ktype = {
	.release = p9s_sysfs_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = p9s_session_groups,
};

static bool p9s_sysfs_taken(const char *name)
{
	struct kobject *kobj = kset_find_obj(p9s_sysfs_root, name);

	kobject_put(kobj);
	return kobj;
}

/*
 * A name that nobody has. A device that is plugged in again may open its new
 * session before the old one is gone.
 */
static void p9s_sysfs_pick(struct p9_server_session *session, char *name,
			   size_t size)
{
	unsigned int i;
	size_t len;

	strscpy(name, session->name, size);
	strreplace(name, '/', '-');
	len = strlen(name);
	for (i = 2; p9s_sysfs_taken(name); i++)
		snprintf(name + len, size - len, ":%u", i);
}

static void p9s_sysfs_put(struct p9_server_session *session)
{
	kobject_put(&session->kobj);
	wait_for_completion(&session->kobj_gone);
}

/**
 * p9s_sysfs_show - make a session's directory
 * @session: the session, with all that the attributes tell
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int p9s_sysfs_show(struct p9_server_session *session)
{
	char name[P9S_NAME_SIZE + 12];
	int err;

	init_completion(&session->kobj_gone);
	session->kobj.kset = p9s_sysfs_root;
	mutex_lock(&p9s_sysfs_lock);
	p9s_sysfs_pick(session, name, sizeof(name));
	err = kobject_init_and_add(&session->kobj, &p9s_session_ktype, NULL,
				   "%s", name);
	mutex_unlock(&p9s_sysfs_lock);
	if (err)
		p9s_sysfs_put(session);
	return err;
}

/**
 * p9s_sysfs_hide - remove a session's directory
 * @session: the session
 *
 * Context: may sleep; nobody reads an attribute any more afterwards.
 */
void p9s_sysfs_hide(struct p9_server_session *session)
{
	kobject_del(&session->kobj);
	p9s_sysfs_put(session);
}

/**
 * p9s_sysfs_init - make the directory for all sessions
 *
 * Context: may sleep; as the module is loaded.
 * Return: 0 or -ENOMEM.
 */
int p9s_sysfs_init(void)
{
	p9s_sysfs_root = kset_create_and_add("9p-server", NULL, kernel_kobj);
	return p9s_sysfs_root ? 0 : -ENOMEM;
}

/**
 * p9s_sysfs_exit - remove the directory for all sessions
 *
 * Context: may sleep; as the module is unloaded.
 */
void p9s_sysfs_exit(void)
{
	kset_unregister(p9s_sysfs_root);
}
