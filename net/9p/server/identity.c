// SPDX-License-Identifier: GPL-2.0
/*
 * Who an attach acts as. With passthrough the client's kernel has checked
 * permissions, so the server's must not refuse what that one let through: the
 * rights over other people's files go with every user. One is kept back from
 * all but root, CAP_FSETID, so that writing to a file clears its setuid bit
 * as it would locally. With squash everybody is one user, who has only his
 * own rights: giving a file away fails with EPERM, as it does for a user.
 * With server everybody is who he is at the client, and again only root has
 * more than his own rights. No right has any use outside of a filesystem.
 *
 * A client tells the user who attaches and, as something is made, the group
 * that it is made with. It tells no other groups, so nobody is in any but for
 * the moment of making something.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/init_task.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <net/9p/server.h>

#include "identity.h"
#include "wire.h"

/* Attached without a number: the name counts, and only one has a number */
#define P9S_NONUNAME	(~0U)

static void p9s_identity_trust(struct cred *cred)
{
	cap_raise(cred->cap_effective, CAP_CHOWN);
	cap_raise(cred->cap_effective, CAP_DAC_OVERRIDE);
	cap_raise(cred->cap_effective, CAP_DAC_READ_SEARCH);
	cap_raise(cred->cap_effective, CAP_FOWNER);
}

static struct cred *p9s_identity_cred(kuid_t uid, kgid_t gid, bool trusted)
{
	struct cred *cred = prepare_kernel_cred(&init_task);

	if (!cred)
		return NULL;
	cred->fsuid = uid;
	cred->fsgid = gid;
	cap_clear(cred->cap_inheritable);
	cap_clear(cred->cap_ambient);
	cap_clear(cred->cap_effective);
	if (trusted)
		p9s_identity_trust(cred);
	if (uid_eq(uid, GLOBAL_ROOT_UID))
		cap_raise(cred->cap_effective, CAP_FSETID);
	cred->cap_permitted = cred->cap_effective;
	return cred;
}

static const struct cred *
p9s_identity_squashed(const struct p9_server_export *export)
{
	bool root = uid_eq(export->squash_uid, GLOBAL_ROOT_UID);

	return p9s_identity_cred(export->squash_uid, export->squash_gid, root);
}

static u32 p9s_identity_uid(const struct p9s_tattach *attach)
{
	if (attach->n_uname != P9S_NONUNAME)
		return attach->n_uname;
	return p9s_str_equal(&attach->uname, "root") ? 0 : P9_SERVER_NOBODY;
}

static const struct cred *
p9s_identity_passed(const struct p9s_tattach *attach)
{
	u32 id = p9s_identity_uid(attach);

	return p9s_identity_cred(make_kuid(&init_user_ns, id),
				 make_kgid(&init_user_ns, id), true);
}

static const struct cred *
p9s_identity_checked(const struct p9s_tattach *attach)
{
	u32 id = p9s_identity_uid(attach);
	kgid_t gid = id ? KGIDT_INIT(P9_SERVER_NOBODY) : GLOBAL_ROOT_GID;

	return p9s_identity_cred(make_kuid(&init_user_ns, id), gid, !id);
}

static const struct cred *
p9s_identity_rights(const struct p9_server_export *export,
		    const struct p9s_tattach *attach)
{
	switch (export->security) {
	case P9_SERVER_SQUASH:
		return p9s_identity_squashed(export);
	case P9_SERVER_CHECKED:
		return p9s_identity_checked(attach);
	case P9_SERVER_PASSTHROUGH:
		break;
	}
	return p9s_identity_passed(attach);
}

/**
 * p9s_identity_attach - who an attach is to act as
 * @export: what is attached to
 * @attach: what the client says who it is
 *
 * Context: may sleep.
 * Return: the identity, to be given back to p9s_identity_put(), or -ENOMEM.
 */
struct p9s_identity *
p9s_identity_attach(const struct p9_server_export *export,
		    const struct p9s_tattach *attach)
{
	struct p9s_identity *identity = kzalloc_obj(*identity);

	if (!identity)
		return ERR_PTR(-ENOMEM);
	identity->squash = export->security == P9_SERVER_SQUASH;
	identity->checked = export->security == P9_SERVER_CHECKED;
	identity->cred = p9s_identity_rights(export, attach);
	if (!identity->cred) {
		kfree(identity);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&identity->users, 1);
	spin_lock_init(&identity->lock);
	return identity;
}

/**
 * p9s_identity_get - take a reference
 * @identity: an identity that the caller has a reference of
 *
 * Context: any.
 * Return: the same identity.
 */
struct p9s_identity *p9s_identity_get(struct p9s_identity *identity)
{
	refcount_inc(&identity->users);
	return identity;
}

/**
 * p9s_identity_put - give a reference back
 * @identity: the identity
 *
 * Context: any.
 */
void p9s_identity_put(struct p9s_identity *identity)
{
	if (!refcount_dec_and_test(&identity->users))
		return;
	put_cred(identity->create);
	put_cred(identity->cred);
	kfree(identity);
}

static const struct cred *
p9s_identity_cached(struct p9s_identity *identity, kgid_t gid)
{
	const struct cred *cred = NULL;

	spin_lock(&identity->lock);
	if (identity->create && gid_eq(identity->create->fsgid, gid))
		cred = get_cred(identity->create);
	spin_unlock(&identity->lock);
	return cred;
}

static struct cred *p9s_identity_maker(const struct p9s_identity *identity,
				       kgid_t gid)
{
	kuid_t uid = identity->cred->fsuid;
	struct cred *cred;

	if (identity->checked)
		return p9s_identity_cred(uid, gid,
					 uid_eq(uid, GLOBAL_ROOT_UID));
	cred = p9s_identity_cred(uid, gid, true);
	if (cred) {
		cap_raise(cred->cap_effective, CAP_FSETID);
		cap_raise(cred->cap_permitted, CAP_FSETID);
	}
	return cred;
}

/**
 * p9s_identity_create_cred - rights to make a file, or to set its mode, with
 * @identity: who makes it
 * @gid: the group that the client wants it to have; does not count with squash
 *
 * Context: may sleep.
 * Return: a reference to credentials, or NULL without memory.
 */
const struct cred *p9s_identity_create_cred(struct p9s_identity *identity,
					    u32 gid)
{
	kgid_t kgid = make_kgid(&init_user_ns, gid);
	const struct cred *old;
	const struct cred *cred;
	struct cred *new;

	if (identity->squash)
		return get_cred(identity->cred);
	if (!gid_valid(kgid))
		kgid = identity->cred->fsgid;
	cred = p9s_identity_cached(identity, kgid);
	if (cred)
		return cred;

	new = p9s_identity_maker(identity, kgid);
	if (!new)
		return NULL;
	get_cred(new);
	spin_lock(&identity->lock);
	old = identity->create;
	identity->create = new;
	spin_unlock(&identity->lock);
	put_cred(old);
	return new;
}

/**
 * p9s_identity_raise - a right that root has for one kind of request only
 * @cred: credentials of an identity
 * @capability: the right, or P9S_NO_CAPABILITY
 *
 * Context: may sleep.
 * Return: a reference to credentials that have it if their user is root, and
 * to @cred if not; NULL without memory.
 */
const struct cred *p9s_identity_raise(const struct cred *cred, int capability)
{
	const struct cred *old;
	struct cred *new;

	if (capability == P9S_NO_CAPABILITY ||
	    !uid_eq(cred->fsuid, GLOBAL_ROOT_UID))
		return get_cred(cred);
	old = override_creds(cred);
	new = prepare_creds();
	revert_creds(old);
	if (!new)
		return NULL;
	cap_raise(new->cap_effective, capability);
	cap_raise(new->cap_permitted, capability);
	return new;
}
