/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Transports of the 9P client on kernels before 7.0: create() was given the
 * device's name and an option string there, and buffers were always
 * contiguous. The transport is written against today's structure, of which
 * this makes the old one.
 */
#ifndef COMPAT_9P_CLIENT_H
#define COMPAT_9P_CLIENT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)

#include <linux/fs_context.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>
#include <net/9p/transport.h>

struct compat_p9_trans_module {
	char *name;
	int maxsize;
	bool def;
	bool supports_vmalloc;
	struct module *owner;
	int (*create)(struct p9_client *client, struct fs_context *fc);
	void (*close)(struct p9_client *client);
	int (*request)(struct p9_client *client, struct p9_req_t *req);
	int (*cancel)(struct p9_client *client, struct p9_req_t *req);
	int (*zc_request)(struct p9_client *client, struct p9_req_t *req,
			  struct iov_iter *uidata, struct iov_iter *uodata,
			  int inlen, int outlen, int in_hdr_len);
};

/* A module has one transport at most: both are that one's */
static struct p9_trans_module compat_p9_trans;
static const struct compat_p9_trans_module *compat_p9_newest;

static inline int compat_p9_create(struct p9_client *client,
				   const char *devname, char *args)
{
	struct fs_context fc = { .source = (char *)devname };

	return compat_p9_newest->create(client, &fc);
}

static inline void
compat_v9fs_register_trans(const struct compat_p9_trans_module *m)
{
	compat_p9_newest = m;
	compat_p9_trans = (struct p9_trans_module) {
		.name = m->name,
		.maxsize = m->maxsize,
		.def = m->def,
		.owner = m->owner,
		.create = compat_p9_create,
		.close = m->close,
		.request = m->request,
		.cancel = m->cancel,
		.zc_request = m->zc_request,
	};
	v9fs_register_trans(&compat_p9_trans);
}

static inline void
compat_v9fs_unregister_trans(const struct compat_p9_trans_module *m)
{
	v9fs_unregister_trans(&compat_p9_trans);
}

#define p9_trans_module compat_p9_trans_module
#define v9fs_register_trans compat_v9fs_register_trans
#define v9fs_unregister_trans compat_v9fs_unregister_trans

#endif /* before 7.0 */

#endif /* COMPAT_9P_CLIENT_H */
