// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured. Fid 0 is the root, fid 1 the directory to work in, which
 * has a file "data" of 1 MiB, a directory "many" of 1000 files, and a file
 * "small". Fids from FIRST on are those that a work makes.
 */
#include <string.h>

#include "units.h"

#define FIRST		100
#define DATA_SIZE	1048576

static void walk(struct client *c, uint32_t fid, uint32_t newfid,
		 const char *name)
{
	begin(c, TWALK);
	put(c, fid, 4);
	put(c, newfid, 4);
	put(c, 1, 2);
	put_text(c, name);
	call(c);
}

static void clunk(struct client *c, uint32_t fid)
{
	begin(c, TCLUNK);
	put(c, fid, 4);
	call(c);
}

static void lopen(struct client *c, uint32_t fid)
{
	begin(c, TLOPEN);
	put(c, fid, 4);
	put(c, 0, 4);
	call(c);
}

/* Read some, from the beginning or further on; how many bytes there were */
static uint32_t get(struct client *c, uint8_t type, uint32_t fid,
		    uint64_t offset, uint32_t count)
{
	uint32_t most = c->msize - IO_RESERVE, got;
	const uint8_t *reply;

	begin(c, type);
	put(c, fid, 4);
	put(c, offset, 8);
	put(c, count < most ? count : most, 4);
	reply = call(c);
	got = get32(reply);
	if (c->in_len != IO_HEADER + got)
		die("%u bytes of data in a reply of %zu", got, c->in_len);
	return got;
}

/* Agree on a version, attach, and walk to where the work is */
void enter(struct client *c, const char *aname, const char *dir)
{
	const uint8_t *reply;

	begin(c, TVERSION);
	put(c, MSIZE, 4);
	put_text(c, "9P2000.L");
	reply = call(c);
	c->msize = get32(reply);

	begin(c, TATTACH);
	put(c, 0, 4);
	put(c, NOFID, 4);
	put_text(c, "");
	put_text(c, aname);
	put(c, 0, 4);
	call(c);
	walk(c, 0, 1, dir);
}

static void walk_all(struct client *c, unsigned int ops)
{
	unsigned int i;

	for (i = 0; i < ops; i++)
		walk(c, 1, FIRST + i, "small");
}

static void clunk_all(struct client *c, unsigned int ops)
{
	unsigned int i;

	for (i = 0; i < ops; i++)
		clunk(c, FIRST + i);
}

static void open_all(struct client *c, unsigned int ops)
{
	unsigned int i;

	for (i = 0; i < ops; i++)
		lopen(c, FIRST + i);
}

static void walk_and_open_all(struct client *c, unsigned int ops)
{
	walk_all(c, ops);
	open_all(c, ops);
}

static void walk_one(struct client *c, unsigned int ops)
{
	(void)ops;
	walk_all(c, 1);
}

static void clunk_one(struct client *c, unsigned int ops)
{
	(void)ops;
	clunk_all(c, 1);
}

static void getattr(struct client *c, unsigned int ops)
{
	while (ops--) {
		begin(c, TGETATTR);
		put(c, FIRST, 4);
		put(c, 0x7ff, 8);
		call(c);
	}
}

static void open_data(struct client *c, unsigned int ops)
{
	(void)ops;
	walk(c, 1, FIRST, "data");
	lopen(c, FIRST);
}

static void open_many(struct client *c, unsigned int ops)
{
	(void)ops;
	walk(c, 1, FIRST, "many");
	lopen(c, FIRST);
}

/* As many messages as the server's msize makes necessary */
static void read_size(struct client *c, unsigned int ops, uint32_t size)
{
	uint32_t offset = 0, done, got;

	while (ops--) {
		for (done = 0; done < size; done += got) {
			got = get(c, TREAD, FIRST, offset + done, size - done);
			if (!got)
				die("the file ends too soon");
		}
		offset = (offset + size) % DATA_SIZE;
	}
}

static void read_4k(struct client *c, unsigned int ops)
{
	read_size(c, ops, 4 << 10);
}

static void read_128k(struct client *c, unsigned int ops)
{
	read_size(c, ops, 128 << 10);
}

/* Entries of a reply to Treaddir; the offset after the last goes to @offset */
static unsigned int entries(const struct client *c, uint64_t *offset)
{
	const uint8_t *pos = c->in + IO_HEADER, *end = c->in + c->in_len;
	unsigned int nr = 0;

	/* qid[13] offset[8] type[1] name[s] */
	while (end - pos >= 24) {
		*offset = get32(pos + 13) | (uint64_t)get32(pos + 17) << 32;
		pos += 24 + (pos[22] | pos[23] << 8);
		nr++;
	}
	if (pos != end)
		die("a directory entry ends outside of its reply");
	return nr;
}

static void readdir(struct client *c, unsigned int ops)
{
	unsigned int nr;
	uint64_t offset;

	while (ops--) {
		nr = 0;
		offset = 0;
		while (get(c, TREADDIR, FIRST, offset, 8192))
			nr += entries(c, &offset);
		/* Some servers list "." and ".." */
		if (nr != 1000 && nr != 1002)
			die("%u entries instead of 1000", nr);
	}
}

/* A fid that nobody has: what a server takes to say so */
static void refused(struct client *c, unsigned int ops)
{
	while (ops--) {
		begin(c, TGETATTR);
		put(c, 99, 4);
		put(c, 0x7ff, 8);
		if (!call_may_fail(c))
			die("fid 99 is known");
	}
}

static void echo_size(struct client *c, unsigned int ops, uint32_t size)
{
	while (ops--) {
		begin(c, TECHO);
		put(c, size, 4);
		/* As long as a Tread is */
		put(c, 0, 4);
		put(c, 0, 8);
		call(c);
		if (c->in_len != size)
			die("%zu bytes came instead of %u", c->in_len, size);
	}
}

static void echo_small(struct client *c, unsigned int ops)
{
	echo_size(c, ops, 16);
}

static void echo_4k(struct client *c, unsigned int ops)
{
	echo_size(c, ops, IO_HEADER + (4 << 10));
}

static void echo_128k(struct client *c, unsigned int ops)
{
	echo_size(c, ops, IO_HEADER + (128 << 10));
}

const struct work works[] = {
	{ "refused", 500, NULL, refused, NULL, 0 },
	{ "walk", 300, NULL, walk_all, clunk_all, 0 },
	{ "clunk", 300, walk_all, clunk_all, NULL, 0 },
	{ "getattr", 500, walk_one, getattr, clunk_one, 0 },
	{ "open", 300, walk_all, open_all, clunk_all, 0 },
	{ "close", 300, walk_and_open_all, clunk_all, NULL, 0 },
	{ "read-4k", 500, open_data, read_4k, clunk_one, 0 },
	{ "read-128k", 100, open_data, read_128k, clunk_one, 0 },
	{ "readdir-1000", 5, open_many, readdir, clunk_one, 0 },
	{ "echo", 500, NULL, echo_small, NULL, 1 },
	{ "echo-4k", 500, NULL, echo_4k, NULL, 1 },
	{ "echo-128k", 100, NULL, echo_128k, NULL, 1 },
};

const unsigned int nr_works = ARRAY_SIZE(works);
