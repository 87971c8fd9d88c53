/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A 9pfs backend that lies, and what a guest does to find out whether that hurts.
 *
 *  main.c	the command line
 *  lies.c	the lies, one for each run
 *  serve.c	the backend: a device's life, and its requests
 *  device.c	the device in xenstore
 *  ring.c	rings, and what a frontend may have in their pages
 *  answer.c	honest answers: a directory with one file
 *  visit.c	the guest: mounts, does something, unmounts
 *
 * It shares no code with the drivers: what the protocol says is read once more.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define PAGE		4096U
#define MAX_RINGS	16
#define MAX_ORDER	9
#define MAX_MESSAGE	(PAGE << MAX_ORDER)
#define HEADER		7
/* Header and count of Rread and Rreaddir */
#define DATA_HEADER	11

/* What a frontend is offered, unless that is the lie */
#define OFFERED_RINGS	2
#define OFFERED_ORDER	4

/* The file that there is, and its bytes */
#define FILE_NAME	"file"
#define FILE_SIZE	100000U

/* What the guest may change at any moment, or is to see at once */
#define LOAD(from)	__atomic_load_n(&(from), __ATOMIC_SEQ_CST)
#define STORE(to, value) __atomic_store_n(&(to), value, __ATOMIC_SEQ_CST)

static inline uint8_t file_byte(uint64_t at)
{
	return at * 7 + at / 251;
}

enum message_type {
	RLERROR = 7,
	TSTATFS = 8,
	TLOPEN = 12,
	TXATTRWALK = 30,
	TGETATTR = 24,
	TSETATTR = 26,
	TREADDIR = 40,
	TFSYNC = 50,
	TLOCK = 52,
	TVERSION = 100,
	TATTACH = 104,
	TFLUSH = 108,
	TWALK = 110,
	TREAD = 116,
	TWRITE = 118,
	TCLUNK = 120,
};

enum bus_state {
	UNKNOWN = 0,
	INITIALISING = 1,
	INIT_WAIT = 2,
	INITIALISED = 3,
	CONNECTED = 4,
	CLOSING = 5,
	CLOSED = 6,
};

/* A message; size is what is sent of bytes, whatever its first field says */
struct message {
	uint32_t size;
	uint8_t *bytes;
};

/* The interface page of a ring */
struct interface {
	uint32_t in_cons;
	uint32_t in_prod;
	uint32_t in_cons_event;
	uint32_t in_prod_event;
	uint8_t pad1[48];
	uint32_t out_cons;
	uint32_t out_prod;
	uint32_t out_cons_event;
	uint32_t out_prod_event;
	uint8_t pad2[48];
	uint32_t ring_order;
	uint32_t ref[];
};

/**
 * struct ring - a ring that is mapped
 * @intf: the interface page
 * @data: the ring's pages: half of them "in", half of them "out"
 * @half: bytes of either
 * @refs: how many references stand in the interface page
 * @expected: what has to be in @data: what was sent, and received
 * @in_prod: bytes sent
 * @out_cons: bytes received
 * @watched: beyond which of them an event is wanted
 * @port: the event channel
 */
struct ring {
	struct interface *intf;
	uint8_t *data;
	uint32_t half;
	uint32_t refs;
	uint8_t *expected;
	uint32_t in_prod;
	uint32_t out_cons;
	uint32_t watched;
	evtchn_port_t port;
};

struct lie;

/**
 * struct backend - a device, and the lie that it is served with
 * @domid: the guest
 * @number: the device's number
 * @store, @grants, @events: connections
 * @directory: of the backend, in xenstore
 * @front: of the frontend
 * @reconnects: it takes one connection after the other, and says so
 * @followed: the frontend's state that it has followed last
 * @lie: NULL when it is honest
 * @lied: it was told
 * @mute: answers nothing any more
 * @silent: answers, but sends no event
 * @storm: sends events without end until then, in milliseconds
 * @restless: moves an index with each of them
 * @flood: the ring to fill with replies until @storm, or NULL
 * @held: takes no requests until then, in milliseconds
 * @nr_rings, @rings: mapped
 * @fids: which node a fid stands for
 * @msize: negotiated
 */
struct backend {
	unsigned int domid;
	unsigned int number;
	struct xs_handle *store;
	xengnttab_handle *grants;
	xenevtchn_handle *events;
	char directory[80];
	char front[80];
	bool reconnects;
	enum bus_state followed;
	const struct lie *lie;
	bool lied;
	bool mute;
	bool silent;
	uint64_t storm;
	bool restless;
	struct ring *flood;
	uint64_t held;
	unsigned int nr_rings;
	struct ring rings[MAX_RINGS];
	uint8_t fids[256];
	uint32_t msize;
};

/**
 * struct lie - what is wrong
 * @name: for the command line
 * @outcome: what a visit is to find, see visit.c
 * @lines: how many lines the guest may log about it
 * @at: the type of request whose answer is the lie; 0: before it is connected
 * @least: bytes that a read or write has to be about, at least
 * @tell: sends @reply, the honest answer, or something else
 * @value: for @tell
 * @node, @text: a node of the backend's directory, and what stands there
 * @state: what the device is offered with, instead of InitWait
 * @at_last: what it does once it was held, if it does not serve on
 * @reconnects: the device is one that is connected when somebody mounts
 * @classic: it has no feature that Xen's specification has not
 * @on: a state of its frontend that is not followed as it should be
 * @say: the state that is taken instead, or UNKNOWN for none
 */
struct lie {
	const char *name;
	const char *outcome;
	unsigned int lines;
	uint8_t at;
	uint32_t least;
	void (*tell)(struct backend *b, struct ring *ring, struct message *reply);
	uint32_t value;
	const char *node;
	const char *text;
	enum bus_state state;
	void (*at_last)(struct backend *b);
	bool reconnects;
	bool classic;
	enum bus_state on;
	enum bus_state say;
};

/* main.c */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool complained(void);
uint64_t now_ms(void);

/* lies.c */
const struct lie *lie_find(const char *name);
void lie_list(void);
bool lie_is_due(const struct backend *b, const struct message *request);

/* serve.c */
int serve(unsigned int domid, unsigned int number, const char *lie);

/* device.c */
void device_make(struct backend *b);
void device_offer(struct backend *b);
void device_set(struct backend *b, const char *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void device_remove_node(struct backend *b, const char *node);
void device_state(struct backend *b, enum bus_state state);
unsigned int device_front(struct backend *b, const char *node);
bool device_wait(struct backend *b, enum bus_state least, unsigned int ms);
void device_unmake(struct backend *b);

/* ring.c */
void ring_map(struct backend *b, struct ring *ring, uint32_t ref, uint32_t port);
void ring_unmap(struct backend *b, struct ring *ring);
void ring_check(const struct ring *ring);
bool ring_take(struct ring *ring, struct message *request);
void ring_put(struct ring *ring, const struct message *m);
void ring_publish(struct ring *ring, uint32_t bytes);
void ring_event(struct backend *b, struct ring *ring);
void ring_send(struct backend *b, struct ring *ring, const struct message *m);

/* answer.c */
uint32_t get32(const uint8_t *from);
void put32(uint8_t *to, uint32_t value);
void put16(uint8_t *to, uint16_t value);
void answer(struct backend *b, const struct message *request,
	    struct message *reply, uint32_t half);
void answer_error(struct message *reply, uint32_t error);

/* visit.c */
int visit(unsigned int number, const char *outcome, unsigned int lines);
int carry(const char *folder, const char *until);

#endif /* HOSTILE_H */
