// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes: a user's own, the capabilities of programs, and access
 * control lists with what they allow.
 */
#include <linux/capability.h>
#include <sys/xattr.h>

#include "posix.h"

/* The wire of the ACL attributes: linux/posix_acl_xattr.h */
#define ACL_VERSION	2
#define ACL_USER_OBJ	0x01
#define ACL_USER	0x02
#define ACL_GROUP_OBJ	0x04
#define ACL_GROUP	0x08
#define ACL_MASK	0x10
#define ACL_OTHER	0x20
#define ACL_NOBODY	0xffffffffU

#define ACCESS	"system.posix_acl_access"
#define DEFAULT	"system.posix_acl_default"

struct acl {
	uint32_t version;
	struct {
		uint16_t tag;
		uint16_t perm;
		uint32_t id;
	} entries[5];
};

/* rw- for the owner, r-- for the group, and @perm for a user, masked by @mask */
static struct acl acl_for(uid_t uid, uint16_t perm, uint16_t mask)
{
	return (struct acl) {
		.version = ACL_VERSION,
		.entries = {
			{ ACL_USER_OBJ, 6, ACL_NOBODY },
			{ ACL_USER, perm, uid },
			{ ACL_GROUP_OBJ, 4, ACL_NOBODY },
			{ ACL_MASK, mask, ACL_NOBODY },
			{ ACL_OTHER, 0, ACL_NOBODY },
		},
	};
}

static void set_acl(const char *path, const char *which, struct acl acl)
{
	OK(setxattr(path, which, &acl, sizeof(acl), 0));
}

static void xattr_is(const char *path, const char *name, const char *value)
{
	char found[4096];
	ssize_t size = getxattr(path, name, found, sizeof(found));

	if (size < 0)
		FAIL("%s of %s: %s", name, path, strerror(errno));
	EQ(size, strlen(value));
	EQ(memcmp(found, value, size), 0);
}

CASE(xattr_is_set_and_read)
{
	put("f", "");
	OK(setxattr("f", "user.one", "value", 5, 0));
	xattr_is("f", "user.one", "value");
	OK(setxattr("f", "user.one", "a longer value", 14, 0));
	xattr_is("f", "user.one", "a longer value");
	OK(removexattr("f", "user.one"));
	FAILS(ENODATA, getxattr("f", "user.one", NULL, 0));
	FAILS(ENODATA, removexattr("f", "user.one"));
}

CASE(xattr_is_created_or_replaced)
{
	put("f", "");
	FAILS(ENODATA, setxattr("f", "user.a", "x", 1, XATTR_REPLACE));
	OK(setxattr("f", "user.a", "x", 1, XATTR_CREATE));
	FAILS(EEXIST, setxattr("f", "user.a", "y", 1, XATTR_CREATE));
	OK(setxattr("f", "user.a", "z", 1, XATTR_REPLACE));
	xattr_is("f", "user.a", "z");
}

CASE(xattr_sizes)
{
	char value[2000];
	char found[2000];

	put("f", "");
	OK(setxattr("f", "user.empty", "", 0, 0));
	EQ(OK(getxattr("f", "user.empty", found, sizeof(found))), 0);
	fill(value, sizeof(value), 1);
	OK(setxattr("f", "user.big", value, sizeof(value), 0));
	EQ(OK(getxattr("f", "user.big", NULL, 0)), sizeof(value));
	FAILS(ERANGE, getxattr("f", "user.big", found, 1999));
	EQ(OK(getxattr("f", "user.big", found, 2000)), 2000);
	EQ(memcmp(value, found, 2000), 0);
}

CASE(xattr_names)
{
	char name[300] = "user.";

	put("f", "");
	memset(name + 5, 'n', 250);
	OK(setxattr("f", name, "v", 1, 0));
	xattr_is("f", name, "v");
	name[255] = 'n';
	FAILS(ERANGE, setxattr("f", name, "v", 1, 0));
	FAILS(EOPNOTSUPP, setxattr("f", "nonesuch.name", "v", 1, 0));
}

/* How often a name is in a list of names */
static unsigned int listed(const char *path, const char *name)
{
	char list[4096];
	ssize_t size = OK(listxattr(path, list, sizeof(list)));
	unsigned int count = 0;
	ssize_t at;

	for (at = 0; at < size; at += strlen(list + at) + 1)
		count += !strcmp(list + at, name);
	return count;
}

CASE(xattr_is_listed)
{
	char list[64];

	put("f", "");
	EQ(listed("f", "user.one"), 0);
	OK(setxattr("f", "user.one", "1", 1, 0));
	OK(setxattr("f", "user.two", "2", 1, 0));
	EQ(listed("f", "user.one"), 1);
	EQ(listed("f", "user.two"), 1);
	FAILS(ERANGE, listxattr("f", list, 5));
	OK(removexattr("f", "user.one"));
	EQ(listed("f", "user.one"), 0);
}

CASE(xattr_of_open_files_and_directories)
{
	int fd = open_file("f");
	char found[8];

	OK(fsetxattr(fd, "user.a", "v", 1, 0));
	xattr_is("f", "user.a", "v");
	OK(unlink("f"));
	EQ(OK(fgetxattr(fd, "user.a", found, sizeof(found))), 1);
	OK(mkdir("d", 0755));
	OK(setxattr("d", "user.a", "v", 1, 0));
	xattr_is("d", "user.a", "v");
}

CASE(xattr_goes_with_the_file)
{
	put("f", "");
	OK(setxattr("f", "user.a", "v", 1, 0));
	OK(rename("f", "g"));
	xattr_is("g", "user.a", "v");
	OK(link("g", "h"));
	xattr_is("h", "user.a", "v");
	OK(unlink("g"));
	OK(unlink("h"));
	put("g", "");
	FAILS(ENODATA, getxattr("g", "user.a", NULL, 0));
}

CASE(xattr_is_seen_from_elsewhere)
{
	put("f", "");
	OK(setxattr("f", "user.a", "here", 4, 0));
	xattr_is(other("f"), "user.a", "here");
	OK(setxattr(other("f"), "user.a", "there", 5, 0));
	xattr_is("f", "user.a", "there");
}

static void xattrs_of_a_stranger(void)
{
	char found[8];

	OK(getxattr("f", "user.a", found, sizeof(found)));
	FAILS(EACCES, setxattr("f", "user.a", "w", 1, 0));
	FAILS(EACCES, removexattr("f", "user.a"));
	FAILS(EPERM, setxattr("f", "trusted.a", "w", 1, 0));
	FAILS(EACCES, getxattr("secret", "user.a", found, sizeof(found)));
}

CASE(xattr_rights)
{
	put("f", "");
	put("secret", "");
	OK(setxattr("f", "user.a", "v", 1, 0));
	OK(setxattr("secret", "user.a", "v", 1, 0));
	OK(chmod("secret", 0600));
	run_as(ALICE, ALICE, xattrs_of_a_stranger);
}

CASE(xattr_of_what_users_have_none)
{
	OK(symlink("x", "l"));
	OK(mkfifo("p", 0666));
	FAILS(EPERM, lsetxattr("l", "user.a", "v", 1, 0));
	FAILS(EPERM, setxattr("p", "user.a", "v", 1, 0));
}

CASE(xattr_trusted)
{
	put("f", "");
	OK(setxattr("f", "trusted.a", "v", 1, 0));
	xattr_is("f", "trusted.a", "v");
}

/* cap_net_raw+ep, as setcap writes it */
static const struct vfs_cap_data net_raw = {
	.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
	.data[0].permitted = 1U << CAP_NET_RAW,
};

static void set_capability(const char *path)
{
	struct vfs_cap_data found;

	OK(setxattr(path, "security.capability", &net_raw, sizeof(net_raw), 0));
	EQ(OK(getxattr(path, "security.capability", &found, sizeof(found))),
	   sizeof(net_raw));
	EQ(memcmp(&found, &net_raw, sizeof(found)), 0);
}

CASE(xattr_capability_is_kept)
{
	put("f", "");
	set_capability("f");
	OK(chmod("f", 0755));
	OK(rename("f", "g"));
	CHECK(OK(getxattr("g", "security.capability", NULL, 0)) > 0);
}

CASE(xattr_capability_goes_when_written)
{
	int fd;

	put("f", "");
	set_capability("f");
	fd = OK(open("f", O_WRONLY));
	EQ(OK(write(fd, "x", 1)), 1);
	OK(close(fd));
	FAILS(ENODATA, getxattr("f", "security.capability", NULL, 0));
	set_capability("f");
	OK(truncate("f", 0));
	FAILS(ENODATA, getxattr("f", "security.capability", NULL, 0));
}

CASE(xattr_capability_goes_with_the_owner)
{
	put("f", "");
	set_capability("f");
	OK(chown("f", ALICE, ALICE));
	FAILS(ENODATA, getxattr("f", "security.capability", NULL, 0));
}

static void read_by_acl(void)
{
	has("f", "data");
	OK(close(OK(open("f", O_WRONLY))));
}

static void read_only_by_acl(void)
{
	has("f", "data");
	FAILS(EACCES, open("f", O_WRONLY));
}

static void refused_by_acl(void)
{
	FAILS(EACCES, open("f", O_RDONLY));
}

CASE(acl_allows_a_user)
{
	put("f", "data");
	set_acl("f", ACCESS, acl_for(ALICE, 6, 6));
	run_as(ALICE, ALICE, read_by_acl);
	run_as(BOB, BOB, refused_by_acl);
	EQ(mode_of("f"), 0660);
}

CASE(acl_mask_limits_a_user)
{
	put("f", "data");
	set_acl("f", ACCESS, acl_for(ALICE, 6, 4));
	run_as(ALICE, ALICE, read_only_by_acl);
	OK(chmod("f", 0660));
	run_as(ALICE, ALICE, read_by_acl);
	OK(chmod("f", 0600));
	run_as(ALICE, ALICE, refused_by_acl);
}

CASE(acl_is_read_back)
{
	struct acl wanted = acl_for(ALICE, 6, 4);
	struct acl found;

	put("f", "data");
	set_acl("f", ACCESS, wanted);
	EQ(OK(getxattr("f", ACCESS, &found, sizeof(found))), sizeof(found));
	EQ(memcmp(&found, &wanted, sizeof(found)), 0);
	OK(removexattr("f", ACCESS));
	FAILS(ENODATA, getxattr("f", ACCESS, NULL, 0));
}

CASE(acl_that_is_none)
{
	struct acl wrong = acl_for(ALICE, 6, 6);

	put("f", "data");
	wrong.version = 3;
	FAILS_EITHER(EOPNOTSUPP, EINVAL,
		     setxattr("f", ACCESS, &wrong, sizeof(wrong), 0));
	wrong = acl_for(ALICE, 6, 6);
	wrong.entries[3].tag = ACL_USER;
	FAILS(EINVAL, setxattr("f", ACCESS, &wrong, sizeof(wrong), 0));
	FAILS_EITHER(EACCES, EINVAL,
		     setxattr("f", DEFAULT, &wrong, sizeof(wrong), 0));
	EQ(mode_of("f"), 0644);
}

CASE(acl_default_is_inherited)
{
	struct acl found;

	OK(mkdir("d", 0755));
	set_acl("d", DEFAULT, acl_for(ALICE, 6, 6));
	put("d/f", "data");
	EQ(OK(getxattr("d/f", ACCESS, &found, sizeof(found))), sizeof(found));
	EQ(found.entries[1].id, ALICE);
	EQ(found.entries[1].perm, 6);
	/* What open() asked for, 0644, is the bound; the umask is not */
	EQ(mode_of("d/f"), 0640);
	OK(mkdir("d/e", 0777));
	EQ(OK(getxattr("d/e", DEFAULT, &found, sizeof(found))), sizeof(found));
	EQ(found.entries[1].id, ALICE);
}

CASE(acl_is_seen_from_elsewhere)
{
	struct acl found;

	put("f", "data");
	set_acl("f", ACCESS, acl_for(ALICE, 6, 6));
	EQ(OK(getxattr(other("f"), ACCESS, &found, sizeof(found))),
	   sizeof(found));
	EQ(found.entries[1].id, ALICE);
	EQ(mode_of(other("f")), 0660);
}
