// SPDX-License-Identifier: GPL-2.0
/*
 * Honest answers: a directory that holds one file, which takes every write and
 * stays what it is.
 */
#include <errno.h>
#include <string.h>

#include "hostile.h"

enum node { NONE, ROOT, A_FILE };

static uint16_t get16(const uint8_t *from)
{
	return from[0] | from[1] << 8;
}

uint32_t get32(const uint8_t *from)
{
	return get16(from) | (uint32_t)get16(from + 2) << 16;
}

static uint64_t get64(const uint8_t *from)
{
	return get32(from) | (uint64_t)get32(from + 4) << 32;
}

void put16(uint8_t *to, uint16_t value)
{
	to[0] = value;
	to[1] = value >> 8;
}

void put32(uint8_t *to, uint32_t value)
{
	put16(to, value);
	put16(to + 2, value >> 16);
}

/* Further bytes of a reply, which were zeroed */
static uint8_t *add(struct message *reply, uint32_t size)
{
	uint8_t *at = reply->bytes + reply->size;

	memset(at, 0, size);
	reply->size += size;
	return at;
}

static void add_name(struct message *reply, const char *name)
{
	uint16_t length = strlen(name);

	put16(add(reply, 2), length);
	memcpy(add(reply, length), name, length);
}

static void add_qid(struct message *reply, enum node node)
{
	uint8_t *qid = add(reply, 13);

	qid[0] = node == ROOT ? 0x80 : 0;
	qid[5] = node;
}

void answer_error(struct message *reply, uint32_t error)
{
	reply->size = HEADER;
	reply->bytes[4] = RLERROR;
	put32(add(reply, 4), error);
	put32(reply->bytes, reply->size);
}

static void answer_version(struct backend *b, const uint8_t *body,
			   struct message *reply, uint32_t half)
{
	b->msize = get32(body) < half ? get32(body) : half;
	memset(b->fids, NONE, sizeof(b->fids));
	put32(add(reply, 4), b->msize);
	add_name(reply, "9P2000.L");
}

static void answer_walk(struct backend *b, const uint8_t *body,
			struct message *reply)
{
	uint8_t *to = &b->fids[get32(body + 4) % sizeof(b->fids)];
	enum node from = b->fids[get32(body) % sizeof(b->fids)];
	uint16_t names = get16(body + 8);

	if (!names) {
		*to = from;
		put16(add(reply, 2), 0);
	} else if (names == 1 && get16(body + 10) == strlen(FILE_NAME) &&
		   !memcmp(body + 12, FILE_NAME, strlen(FILE_NAME))) {
		*to = A_FILE;
		put16(add(reply, 2), 1);
		add_qid(reply, A_FILE);
	} else {
		answer_error(reply, ENOENT);
	}
}

static void answer_getattr(struct message *reply, enum node node)
{
	uint8_t *at;

	put32(add(reply, 8), 0x7ff);
	add_qid(reply, node);
	put32(add(reply, 4), node == ROOT ? 040755 : 0100644);
	add(reply, 8);
	put32(add(reply, 8), 1);
	add(reply, 8);
	put32(add(reply, 8), node == ROOT ? 0 : FILE_SIZE);
	put32(add(reply, 8), PAGE);
	at = add(reply, 8 + 8 * 8 + 2 * 8);
	put32(at, 200);
}

static void answer_read(struct message *reply, uint64_t offset, uint32_t count)
{
	uint8_t *at = add(reply, 4);
	uint32_t i;

	if (offset > FILE_SIZE)
		offset = FILE_SIZE;
	if (count > FILE_SIZE - offset)
		count = FILE_SIZE - offset;
	put32(at, count);
	for (i = 0; i < count; i++)
		*add(reply, 1) = file_byte(offset + i);
}

static void add_entry(struct message *reply, enum node node, unsigned int number,
		      const char *name)
{
	add_qid(reply, node);
	put32(add(reply, 8), number);
	*add(reply, 1) = node == ROOT ? 4 : 8;
	add_name(reply, name);
}

static void answer_readdir(struct message *reply, uint64_t offset)
{
	uint32_t begin = reply->size;

	add(reply, 4);
	if (!offset) {
		add_entry(reply, ROOT, 1, ".");
		add_entry(reply, ROOT, 2, "..");
		add_entry(reply, A_FILE, 3, FILE_NAME);
	}
	put32(reply->bytes + begin, reply->size - begin - 4);
}

static void answer_statfs(struct message *reply)
{
	uint8_t *at = add(reply, 60);

	put32(at, 0x01021997);
	put32(at + 4, PAGE);
	put32(at + 56, 255);
}

static void answer_body(struct backend *b, const struct message *request,
			struct message *reply, uint32_t half)
{
	const uint8_t *body = request->bytes + HEADER;
	uint8_t *fid = &b->fids[get32(body) % sizeof(b->fids)];

	switch (request->bytes[4]) {
	case TVERSION:
		answer_version(b, body, reply, half);
		break;
	case TATTACH:
		*fid = ROOT;
		add_qid(reply, ROOT);
		break;
	case TWALK:
		answer_walk(b, body, reply);
		break;
	case TGETATTR:
		answer_getattr(reply, *fid);
		break;
	case TLOPEN:
		add_qid(reply, *fid);
		add(reply, 4);
		break;
	case TREAD:
		answer_read(reply, get64(body + 4), get32(body + 12));
		break;
	case TREADDIR:
		answer_readdir(reply, get64(body + 4));
		break;
	case TWRITE:
		put32(add(reply, 4), get32(body + 12));
		break;
	case TSTATFS:
		answer_statfs(reply);
		break;
	case TLOCK:
		add(reply, 1);
		break;
	case TSETATTR:
	case TFSYNC:
	case TFLUSH:
	case TCLUNK:
		break;
	default:
		answer_error(reply, EOPNOTSUPP);
	}
}

/* answer: what an honest backend replies */
void answer(struct backend *b, const struct message *request,
	    struct message *reply, uint32_t half)
{
	memcpy(reply->bytes, request->bytes, HEADER);
	reply->bytes[4]++;
	reply->size = HEADER;
	answer_body(b, request, reply, half);
	put32(reply->bytes, reply->size);
}
