// SPDX-License-Identifier: GPL-2.0
/*
 * The gate before the disk. A barrier is one for all queues of a device, and the
 * disk may be exchanged while a guest uses it: whoever holds the gate knows that no
 * queue has anything in flight, and none begins anything until it is open again.
 *
 * A queue that goes through pays for a flag of its own and a barrier; nothing is
 * written that other queues read as well, but while somebody holds the gate.
 */
#include "back.h"

/**
 * blkback_gate_init - make a gate that is open
 * @gate: the gate
 *
 * Context: any.
 */
void blkback_gate_init(struct blkback_gate *gate)
{
	atomic_set(&gate->holder, BLKBACK_OPEN);
	init_waitqueue_head(&gate->wait);
}

static int holder_of(const struct blkback_queue *queue)
{
	return BLKBACK_QUEUE + queue->number;
}

/* Have who waits for the queues look at them again */
static void wake_holder(struct blkback_conn *conn, int holder)
{
	if (holder == BLKBACK_DEVICE)
		wake_up(&conn->gate.wait);
	else if (holder >= BLKBACK_QUEUE)
		blkback_queue_kick(conn->queues[holder - BLKBACK_QUEUE]);
}

/**
 * blkback_gate_enter - a queue is about to take requests
 * @queue: the queue
 *
 * Context: the queue's thread. To be followed by blkback_gate_leave() if it is
 * let in.
 * Return: true if it may; false if somebody else holds the gate. The queue is
 * kicked once that is over.
 */
bool blkback_gate_enter(struct blkback_queue *queue)
{
	struct blkback_conn *conn = queue->conn;
	int holder;

	WRITE_ONCE(queue->busy, true);
	/*
	 * Pairs with the barrier of the cmpxchg in blkback_gate_hold() and
	 * blkback_gate_close(): either this sees who holds the gate, or he sees
	 * that this queue is busy.
	 */
	smp_mb();
	holder = atomic_read(&conn->gate.holder);
	if (holder == BLKBACK_OPEN || holder == holder_of(queue))
		return true;
	blkback_gate_leave(queue);
	return false;
}

/**
 * blkback_gate_leave - a queue has taken what it can, or has finished something
 * @queue: the queue
 *
 * It stays inside as long as it has something in flight.
 *
 * Context: the queue's thread.
 */
void blkback_gate_leave(struct blkback_queue *queue)
{
	struct blkback_conn *conn = queue->conn;

	if (queue->inflight || !queue->busy)
		return;
	/* Pairs with the acquire in others_quiet(): all it did is over for them */
	smp_store_release(&queue->busy, false);
	/* The flag goes before the look at who waits for it; pairs as above */
	smp_mb();
	wake_holder(conn, atomic_read(&conn->gate.holder));
}

static bool others_quiet(struct blkback_conn *conn,
			 const struct blkback_queue *but)
{
	unsigned int i;

	for (i = 0; i < conn->nr_queues; i++) {
		if (conn->queues[i] == but)
			continue;
		/* Pairs with the release in blkback_gate_leave() */
		if (smp_load_acquire(&conn->queues[i]->busy))
			return false;
	}
	return true;
}

/**
 * blkback_gate_hold - try to have the disk alone
 * @queue: who wants to
 *
 * Context: the queue's thread, which is inside.
 * Return: true if no queue has anything in flight, this one included; false if
 * that is to be waited for. The queue is kicked when it is worth another try.
 */
bool blkback_gate_hold(struct blkback_queue *queue)
{
	struct blkback_gate *gate = &queue->conn->gate;
	int me = holder_of(queue);
	int holder;

	holder = atomic_cmpxchg(&gate->holder, BLKBACK_OPEN, me);
	if (holder != BLKBACK_OPEN && holder != me)
		return false;
	return !queue->inflight && others_quiet(queue->conn, queue);
}

static void open_gate(struct blkback_conn *conn)
{
	unsigned int i;

	/* Releases to whoever enters what its holder did */
	atomic_set_release(&conn->gate.holder, BLKBACK_OPEN);
	for (i = 0; i < conn->nr_queues; i++)
		blkback_queue_kick(conn->queues[i]);
	wake_up(&conn->gate.wait);
}

/**
 * blkback_gate_release - let others at the disk again
 * @queue: who may hold the gate
 *
 * Context: the queue's thread.
 */
void blkback_gate_release(struct blkback_queue *queue)
{
	struct blkback_conn *conn = queue->conn;

	if (atomic_read(&conn->gate.holder) == holder_of(queue))
		open_gate(conn);
}

/**
 * blkback_gate_close - wait until no queue has anything in flight, and keep it so
 * @conn: the connection; its queues have threads
 *
 * Context: may sleep, as long as the disk takes; not in a queue's thread.
 */
void blkback_gate_close(struct blkback_conn *conn)
{
	struct blkback_gate *gate = &conn->gate;

	/* Idle: how long it takes is the disk's affair, and no hung task */
	wait_event_idle(gate->wait,
			atomic_cmpxchg(&gate->holder, BLKBACK_OPEN,
				       BLKBACK_DEVICE) == BLKBACK_OPEN);
	wait_event_idle(gate->wait, others_quiet(conn, NULL));
}

/**
 * blkback_gate_open - let the queues at the disk again
 * @conn: the connection; blkback_gate_close() was called
 *
 * Context: any.
 */
void blkback_gate_open(struct blkback_conn *conn)
{
	open_gate(conn);
}
