// SPDX-License-Identifier: GPL-2.0
/*
 * Permissions: who may do what, the bits that run programs as somebody else and
 * that have to go when a file changes, and the directories that hand on their
 * group or guard what others put there.
 */
#include "posix.h"

/* A directory where everybody may make files, sticky or not */
static void public_dir(const char *path, mode_t mode)
{
	OK(mkdir(path, 0755));
	OK(chmod(path, mode));
}

/* A file of ALICE's with a mode */
static void alices_file(const char *path, mode_t mode)
{
	put(path, "data");
	OK(chown(path, ALICE, ALICE));
	OK(chmod(path, mode));
}

CASE(mode_is_set)
{
	static const mode_t modes[] = {
		0, 0400, 0644, 0777, 01777, 02755, 04755, 06711, 07777,
	};
	unsigned int i;

	put("f", "");
	OK(mkdir("d", 0755));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		OK(chmod("f", modes[i]));
		EQ(mode_of("f"), modes[i]);
		OK(chmod("d", modes[i]));
		EQ(mode_of("d"), modes[i]);
	}
}

CASE(mode_is_set_by_descriptor)
{
	int fd = open_file("f");
	int dir;

	OK(mkdir("d", 0755));
	dir = OK(open("d", O_RDONLY));
	OK(fchmod(fd, 0600));
	OK(fchmod(dir, 0700));
	EQ(mode_of("f"), 0600);
	EQ(mode_of("d"), 0700);
}

CASE(mode_through_a_symlink)
{
	put("f", "");
	OK(symlink("f", "l"));
	OK(chmod("l", 0600));
	EQ(mode_of("f"), 0600);
}

CASE(mode_of_root_does_not_bind)
{
	int fd;

	put("f", "data");
	OK(chmod("f", 0));
	fd = OK(open("f", O_RDWR));
	fd_has(fd, "data");
	OK(mkdir("d", 0));
	put("d/f", "x");
	EQ(count_of("d"), 1);
}

static void read_and_write(void)
{
	has("readable", "data");
	FAILS(EACCES, open("readable", O_WRONLY));
	OK(close(OK(open("writable", O_WRONLY))));
	FAILS(EACCES, open("writable", O_RDONLY));
	FAILS(EACCES, open("neither", O_RDONLY));
	EQ(access("readable", R_OK), 0);
	FAILS(EACCES, access("readable", W_OK));
	FAILS(EACCES, access("readable", X_OK));
}

CASE(mode_of_others_counts)
{
	alices_file("readable", 0604);
	alices_file("writable", 0602);
	alices_file("neither", 0660);
	run_as(BOB, BOB, read_and_write);
}

CASE(mode_of_the_owner_counts)
{
	alices_file("readable", 0466);
	alices_file("writable", 0266);
	alices_file("neither", 0066);
	run_as(ALICE, ALICE, read_and_write);
}

CASE(mode_of_the_group_counts)
{
	alices_file("readable", 0646);
	alices_file("writable", 0626);
	alices_file("neither", 0606);
	run_as(BOB, ALICE, read_and_write);
}

static void search_and_list(void)
{
	has("search/f", "data");
	FAILS(EACCES, open("search", O_RDONLY));
	OK(close(OK(open("list", O_RDONLY))));
	FAILS(EACCES, open("list/f", O_RDONLY));
	FAILS(EACCES, access("list/f", F_OK));
	FAILS(EACCES, open("search/new", O_WRONLY | O_CREAT, 0644));
	FAILS(EACCES, unlink("search/f"));
	FAILS(EACCES, mkdir("search/d", 0755));
	FAILS(EACCES, rename("search/f", "search/g"));
	FAILS(EACCES, symlink("x", "search/l"));
	FAILS(EACCES, mkfifo("search/p", 0600));
	FAILS(EACCES, rmdir("search/e"));
}

CASE(mode_of_directories_counts)
{
	OK(mkdir("search", 0755));
	OK(mkdir("search/e", 0755));
	put("search/f", "data");
	OK(chmod("search", 0711));
	OK(mkdir("list", 0755));
	put("list/f", "data");
	OK(chmod("list", 0744));
	run_as(BOB, BOB, search_and_list);
}

static void change_what_is_anothers(void)
{
	FAILS(EPERM, chmod("f", 0777));
	FAILS(EPERM, chown("f", BOB, -1));
	FAILS(EPERM, chown("f", -1, BOB));
	FAILS(EPERM, chmod("d", 0777));
}

CASE(mode_is_for_the_owner_to_change)
{
	alices_file("f", 0666);
	public_dir("d", 0777);
	run_as(BOB, BOB, change_what_is_anothers);
	EQ(mode_of("f"), 0666);
}

static void give_away(void)
{
	OK(chmod("f", 0600));
	OK(chown("f", ALICE, ALICE));
	FAILS(EPERM, chown("f", BOB, -1));
	FAILS(EPERM, chown("f", -1, TEAM));
}

CASE(mode_owner_gives_nothing_away)
{
	alices_file("f", 0644);
	run_as(ALICE, ALICE, give_away);
}

CASE(mode_owner_and_group_are_set)
{
	struct stat st;

	put("f", "");
	OK(chown("f", ALICE, TEAM));
	OK(chown("f", BOB, -1));
	OK(chown("f", -1, -1));
	st = stat_of("f");
	EQ(st.st_uid, BOB);
	EQ(st.st_gid, TEAM);
	OK(symlink("f", "l"));
	OK(lchown("l", ALICE, ALICE));
	EQ(stat_of("l").st_uid, ALICE);
	EQ(stat_of("f").st_uid, BOB);
	OK(chown("l", 0, 0));
	EQ(stat_of("f").st_uid, 0);
	OK(chown("f", 4000000000U, 4000000001U));
	EQ(stat_of("f").st_uid, 4000000000U);
	EQ(stat_of("f").st_gid, 4000000001U);
}

static void make_all_kinds(void)
{
	put("d/f", "mine");
	OK(mkdir("d/d", 0755));
	OK(symlink("x", "d/l"));
	OK(mkfifo("d/p", 0600));
}

CASE(mode_what_is_made_belongs_to_its_maker)
{
	static const char * const paths[] = { "d/f", "d/d", "d/l", "d/p" };
	unsigned int i;

	public_dir("d", 0777);
	run_as(ALICE, TEAM, make_all_kinds);
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		EQ(stat_of(paths[i]).st_uid, ALICE);
		EQ(stat_of(paths[i]).st_gid, TEAM);
	}
}

static void write_a_byte(void)
{
	int fd = OK(open("f", O_WRONLY));

	EQ(OK(write(fd, "x", 1)), 1);
	OK(close(fd));
}

CASE(mode_setuid_goes_when_written)
{
	alices_file("f", 06777);
	run_as(BOB, BOB, write_a_byte);
	EQ(mode_of("f"), 0777);
	alices_file("f", 04755);
	run_as(ALICE, ALICE, write_a_byte);
	EQ(mode_of("f"), 0755);
}

CASE(mode_setuid_stays_when_root_writes)
{
	alices_file("f", 06755);
	write_a_byte();
	EQ(mode_of("f"), 06755);
}

static void truncate_it(void)
{
	OK(truncate("f", 1));
}

CASE(mode_setuid_goes_when_truncated)
{
	alices_file("f", 06777);
	run_as(BOB, BOB, truncate_it);
	EQ(mode_of("f"), 0777);
}

static void truncate_open(void)
{
	OK(close(OK(open("f", O_WRONLY | O_TRUNC))));
}

CASE(mode_setuid_goes_when_opened_to_truncate)
{
	alices_file("f", 06777);
	run_as(BOB, BOB, truncate_open);
	EQ(mode_of("f"), 0777);
}

CASE(mode_setuid_goes_with_the_owner)
{
	alices_file("f", 06755);
	OK(chown("f", BOB, -1));
	EQ(mode_of("f"), 0755);
	OK(chmod("f", 06755));
	OK(chown("f", -1, TEAM));
	EQ(mode_of("f"), 0755);
}

static void chgrp_own(void)
{
	OK(chown("f", -1, ALICE));
}

CASE(mode_setuid_goes_with_the_owners_chgrp)
{
	alices_file("f", 06755);
	OK(chmod("f", 06755));
	run_as(ALICE, ALICE, chgrp_own);
	EQ(mode_of("f"), 0755);
}

CASE(mode_setgid_of_directories_stays_with_the_owner)
{
	public_dir("d", 02775);
	OK(chown("d", ALICE, TEAM));
	EQ(mode_of("d"), 02775);
}

static void setgid_of_a_strange_group(void)
{
	OK(chmod("f", 02755));
}

CASE(mode_setgid_needs_membership)
{
	put("f", "");
	OK(chown("f", ALICE, TEAM));
	run_as(ALICE, ALICE, setgid_of_a_strange_group);
	EQ(mode_of("f"), 0755);
	run_as(ALICE, TEAM, setgid_of_a_strange_group);
	EQ(mode_of("f"), 02755);
}

CASE(mode_setgid_directory_hands_on_its_group)
{
	OK(mkdir("d", 0755));
	OK(chown("d", 0, TEAM));
	OK(chmod("d", 02777));
	run_as(ALICE, ALICE, make_all_kinds);
	EQ(stat_of("d/f").st_gid, TEAM);
	EQ(mode_of("d/f"), 0644);
	EQ(stat_of("d/d").st_gid, TEAM);
	EQ(mode_of("d/d"), 02755);
	EQ(stat_of("d/l").st_gid, TEAM);
	EQ(stat_of("d/p").st_gid, TEAM);
	EQ(stat_of("d/f").st_uid, ALICE);
}

static void make_setgid(void)
{
	umask(0);
	OK(close(OK(open("d/f", O_WRONLY | O_CREAT, 02775))));
}

/* Making a file is no way to a group that one is not in */
CASE(mode_setgid_is_not_made_for_strangers)
{
	OK(mkdir("d", 0755));
	OK(chown("d", 0, TEAM));
	OK(chmod("d", 02777));
	run_as(ALICE, ALICE, make_setgid);
	EQ(stat_of("d/f").st_gid, TEAM);
	EQ(mode_of("d/f"), 0775);
}

static void work_in_sticky(void)
{
	FAILS(EPERM, unlink("d/f"));
	FAILS(EPERM, rename("d/f", "d/g"));
	FAILS(EPERM, rmdir("d/e"));
	put("d/mine", "");
	FAILS(EPERM, rename("d/mine", "d/f"));
	OK(rename("d/mine", "d/mine2"));
	OK(unlink("d/mine2"));
	put("d/f", "may be written");
}

CASE(mode_sticky_directory_guards)
{
	public_dir("d", 01777);
	alices_file("d/f", 0666);
	OK(mkdir("d/e", 0755));
	run_as(BOB, BOB, work_in_sticky);
	has("d/f", "may be written");
}

static void remove_from_own_sticky(void)
{
	OK(unlink("d/f"));
}

CASE(mode_sticky_directory_obeys_its_owner)
{
	public_dir("d", 01777);
	OK(chown("d", BOB, BOB));
	alices_file("d/f", 0644);
	run_as(BOB, BOB, remove_from_own_sticky);
	is_absent("d/f");
}

static void remove_readonly(void)
{
	OK(unlink("d/f"));
	is_absent("d/f");
}

/* To remove takes rights over the directory, not over the file */
CASE(mode_of_a_file_does_not_keep_it)
{
	public_dir("d", 0777);
	put("d/f", "");
	OK(chmod("d/f", 0));
	run_as(BOB, BOB, remove_readonly);
}

static int kept_fd;

static void use_kept_descriptor(void)
{
	fd_has(kept_fd, "data");
	EQ(OK(pwrite(kept_fd, "D", 1, 0)), 1);
	FAILS(EACCES, open("f", O_RDWR));
}

CASE(mode_of_an_open_file_does_not_count)
{
	alices_file("f", 0666);
	kept_fd = OK(open("f", O_RDWR));
	OK(chmod("f", 0));
	run_as(BOB, BOB, use_kept_descriptor);
	has("f", "Data");
}

static void rename_directory_of_another(void)
{
	/* To move a directory rewrites its .., which takes the right to write */
	FAILS(EACCES, rename("a/d", "b/d"));
	OK(rename("a/mine", "b/mine"));
}

CASE(mode_moving_a_directory_writes_it)
{
	public_dir("a", 0777);
	public_dir("b", 0777);
	OK(mkdir("a/d", 0755));
	OK(mkdir("a/mine", 0755));
	OK(chown("a/mine", ALICE, ALICE));
	run_as(ALICE, ALICE, rename_directory_of_another);
}
