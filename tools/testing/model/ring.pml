/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One direction of a ring with event indices, as include/xen/9pfs_ring.h has it
 * and include/xen/interface/io/9pfs.h specifies it: no end sleeps for ever while
 * there is something for it to do. An end that does is a deadlock, which spin
 * looks for in every interleaving.
 *
 * Stores are seen late: each end has a buffer of them, first in, first out, as
 * x86 processors do, which a process of its own empties. A barrier waits until
 * it is empty. Events do not wait for it, though hypercalls would.
 *
 * The producer sends messages of one or two units, at once or in two pieces, the
 * consumer takes whole ones only. Indices are counted modulo MOD, a ring holds
 * CAPACITY of the units between them, and they start where they soon wrap.
 *
 * A define plants a mistake each, which has to be found; "run" tells which.
 */
#define CAPACITY	2
#define MOD		8
#define START		6
#define MESSAGES	6

/* Shared memory: what each end sees of the other one */
#define PROD		0
#define CONS		1
#define PROD_EVENT	2
#define CONS_EVENT	3
byte memory[4] = START;

/* What the producer's messages have in their headers */
byte sizes[MESSAGES];

/* Stores of an end that the other one does not see yet: where, what */
chan produced = [3] of { byte, byte };
chan consumed = [3] of { byte, byte };

/* An event channel: events that nobody has waited for are one */
bool to_consumer, to_producer;

#define SUM(a, b)	(((a) + (b)) % MOD)
#define DISTANCE(to, from)	(((to) + MOD - (from)) % MOD)
/* Whether a move by @moved units to @index is one that @event asks for */
#define WANTED(index, event, moved)	(DISTANCE(index, SUM(event, 1)) < (moved))

#ifdef NO_BARRIER_AFTER_MOVE
#define AFTER_MOVE(buffer)	skip
#else
#define AFTER_MOVE(buffer)	empty(buffer)
#endif
#ifdef NO_BARRIER_AFTER_WATCH
#define AFTER_WATCH(buffer)	skip
#else
#define AFTER_WATCH(buffer)	empty(buffer)
#endif
#ifdef NO_SECOND_LOOK
#define LOOK_AGAIN	false
#else
#define LOOK_AGAIN	true
#endif
#ifdef WATCH_CONSUMED_ONLY
#define SEEN	index
#else
#define SEEN	SUM(index, queued)
#endif
#ifdef WATCH_ROOM_ONE_LATE
#define BEFORE_ROOM	0
#else
#define BEFORE_ROOM	(MOD - 1)
#endif

active proctype stores()
{
	byte where, what;

end:	do
	:: atomic { produced?where,what -> memory[where] = what }
	:: atomic { consumed?where,what -> memory[where] = what }
	od
}

/* Lets the consumer have @units more, and tells it if it wants to know */
inline publish(units)
{
	index = SUM(index, units);
	produced!PROD,index;
	AFTER_MOVE(produced);
	if
	:: atomic { WANTED(index, memory[PROD_EVENT], units) ->
		    to_consumer = true }
	:: else
	fi
}

inline await_room(units)
{
	do
	:: CAPACITY - DISTANCE(index, memory[CONS]) >= units -> break
	:: else ->
		produced!CONS_EVENT,SUM(SUM(index, units),
					MOD - CAPACITY + BEFORE_ROOM);
		AFTER_WATCH(produced);
		if
		:: LOOK_AGAIN &&
		   CAPACITY - DISTANCE(index, memory[CONS]) >= units
		:: else ->
			atomic { to_producer -> to_producer = false }
		fi
	od
}

active proctype producer()
{
	byte index = START, size, sent;

	/* Both look at each other's indices before they sleep at all */
	do
	:: sent < MESSAGES ->
		select (size : 1 .. 2);
		await_room(size);
		sizes[sent] = size;
		if
		:: publish(size)
		:: size == 2 -> publish(1); publish(1)
		fi;
		sent++
	:: else -> break
	od
}

active proctype consumer()
{
	byte index = START, queued, got;

	do
	:: got < MESSAGES ->
		queued = DISTANCE(memory[PROD], index);
		assert(queued <= CAPACITY);
		if
		:: queued && queued >= sizes[got] ->
			index = SUM(index, sizes[got]);
			consumed!CONS,index;
			AFTER_MOVE(consumed);
			if
			:: atomic { WANTED(index, memory[CONS_EVENT], sizes[got]) ->
				    to_producer = true }
			:: else
			fi;
			got++
		:: else ->
			consumed!PROD_EVENT,SEEN;
			AFTER_WATCH(consumed);
			if
			:: LOOK_AGAIN && DISTANCE(memory[PROD], index) != queued
			:: else ->
				atomic { to_consumer -> to_consumer = false }
			fi
		fi
	:: else -> break
	od
}
