// SPDX-License-Identifier: GPL-2.0
/*
 * The server's socket transport: /dev/9p-server takes a connected stream
 * socket and a directory, and serves the one over the other.
 *
 * A connection is a session with a single channel. Requests are read without
 * waiting whenever the socket says that something came; replies are written by
 * the session's threads, which wait in the socket for room. Whatever ends a
 * session, it is taken down by a work item of its own: no other place has to
 * wait for the session's threads.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/9p/server.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <uapi/linux/9p_server.h>

#include "socket.h"

/* The size of struct p9_server_serve in its first version */
#define P9_SERVER_SERVE_SIZE_V0	offsetofend(struct p9_server_serve, reserved)

/**
 * struct p9_sock_file - an open file of the device
 * @ref: held by the open file and by each of its connections
 * @lock: guards @conns
 * @conns: the connections, until each is wholly taken down
 * @empty: woken when the last connection is gone
 */
struct p9_sock_file {
	struct kref ref;
	spinlock_t lock; /* guards conns */
	struct list_head conns;
	wait_queue_head_t empty;
};

/* Bits of struct p9_sock_conn's flags */
enum {
	P9_SOCK_ENDING,		/* the work that ends it is on its way */
};

/**
 * struct p9_sock_conn - a connection and its session
 * @channel: the session's only channel
 * @name: of the session, in the log and in debugfs
 * @flags: P9_SOCK_ENDING
 * @open: the session exists and may be woken; guarded by the socket's
 *	sk_callback_lock
 * @file: the open file that this belongs to
 * @list: entry in the conns of @file
 * @sock: the connected socket; a reference to its file is held
 * @data_ready: the socket's own callback, called before this one's
 * @state_change: the same
 * @rx_lock: guards @hdr, @req, @rx_done and @rx_over
 * @hdr: the header of the request that is being received
 * @req: its buffer, once the header was accepted
 * @rx_done: how many bytes of the request are here
 * @rx_over: the connection ends, nothing is to be received any more
 * @tx_lock: keeps the bytes of replies apart
 * @end_work: takes all this down
 */
struct p9_sock_conn {
	struct p9_server_channel channel;
	char name[16];
	unsigned long flags;
	bool open;
	struct p9_sock_file *file;
	struct list_head list;
	struct socket *sock;
	void (*data_ready)(struct sock *sk);
	void (*state_change)(struct sock *sk);

	struct mutex rx_lock; /* guards hdr, req, rx_done and rx_over */
	u8 hdr[P9_SERVER_HDR_SIZE];
	struct p9_server_req *req;
	u32 rx_done;
	bool rx_over;

	struct mutex tx_lock; /* a reply is sent whole under it */
	struct work_struct end_work;
};

static struct workqueue_struct *p9_sock_wq;
static atomic_t p9_sock_count = ATOMIC_INIT(0);

static struct p9_sock_conn *to_conn(struct p9_server_channel *channel)
{
	return container_of(channel, struct p9_sock_conn, channel);
}

/* Once for each connection, from anywhere */
static void p9_sock_end(struct p9_sock_conn *conn)
{
	if (!test_and_set_bit(P9_SOCK_ENDING, &conn->flags))
		queue_work(p9_sock_wq, &conn->end_work);
}

static void p9_sock_wake(struct p9_sock_conn *conn)
{
	lockdep_assert_held(&conn->sock->sk->sk_callback_lock);

	if (conn->open)
		p9_server_ready(&conn->channel);
}

/* Receiving */

/*
 * Reads on to @want bytes of the request, of which @rx_done are there and the
 * rest goes to @to. Says 1 when all are, 0 when more must come first.
 */
static int p9_sock_fill(struct p9_sock_conn *conn, void *to, u32 want)
{
	lockdep_assert_held(&conn->rx_lock);

	while (conn->rx_done < want) {
		struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
		struct kvec vec = {
			.iov_base = to + conn->rx_done,
			.iov_len = want - conn->rx_done,
		};
		int got;

		got = kernel_recvmsg(conn->sock, &msg, &vec, 1, vec.iov_len,
				     msg.msg_flags);
		if (got == -EAGAIN)
			return 0;
		if (got == -EINTR)
			continue;
		if (got < 0)
			return got;
		if (!got)
			return -ESHUTDOWN;
		conn->rx_done += got;
	}
	return 1;
}

static struct p9_server_req *p9_sock_recv_locked(struct p9_sock_conn *conn)
{
	struct p9_server_req *req;
	int ret;

	lockdep_assert_held(&conn->rx_lock);

	if (conn->rx_over)
		return ERR_PTR(-ESHUTDOWN);

	if (!conn->req) {
		ret = p9_sock_fill(conn, conn->hdr, sizeof(conn->hdr));
		if (ret <= 0)
			return ERR_PTR(ret);
		req = p9_server_req_alloc(&conn->channel, conn->hdr, false);
		if (IS_ERR_OR_NULL(req))
			return req;
		conn->req = req;
	}

	ret = p9_sock_fill(conn, conn->req->buf, conn->req->size);
	if (ret <= 0)
		return ERR_PTR(ret);

	req = conn->req;
	conn->req = NULL;
	conn->rx_done = 0;
	return req;
}

static struct p9_server_req *p9_sock_recv(struct p9_server_channel *channel)
{
	struct p9_sock_conn *conn = to_conn(channel);
	struct p9_server_req *req;

	mutex_lock(&conn->rx_lock);
	req = p9_sock_recv_locked(conn);
	mutex_unlock(&conn->rx_lock);
	return req;
}

/*
 * No lock: a glance at the socket. A header that was refused a buffer for now
 * is no reason to say yes: the server knows that it has to come back.
 */
static bool p9_sock_pending(struct p9_server_channel *channel)
{
	struct sock *sk = to_conn(channel)->sock->sk;

	return !skb_queue_empty_lockless(&sk->sk_receive_queue) ||
	       READ_ONCE(sk->sk_err) ||
	       (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN);
}

/* Sending */

/*
 * Waits in the socket, which wakes a writer when there is room and when
 * either side shuts the connection down; p9_sock_end_work() does so. A timeout
 * that was set on the socket (SO_SNDTIMEO) bounds the wait for a peer that
 * lives but does not read.
 */
static int p9_sock_send(struct p9_server_channel *channel, struct kvec *vec,
			unsigned int nr, size_t len)
{
	struct p9_sock_conn *conn = to_conn(channel);
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	int ret = 0;

	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, vec, nr, len);

	/* Not mutex_lock(): how long this takes is up to the peer, no hang */
	if (mutex_lock_interruptible(&conn->tx_lock))
		return -EINTR;
	while (msg_data_left(&msg)) {
		ret = sock_sendmsg(conn->sock, &msg);
		if (ret < 0)
			break;
	}
	mutex_unlock(&conn->tx_lock);

	if (ret == -EAGAIN)
		return -ETIMEDOUT;
	return min(ret, 0);
}

/* That a client goes, at whatever moment, is nothing to tell */
static void p9_sock_failed(struct p9_server_channel *channel, int err)
{
	struct p9_sock_conn *conn = to_conn(channel);

	switch (err) {
	case -ESHUTDOWN:
	case -EPIPE:
	case -ECONNRESET:
		break;
	case -EPROTO:
		pr_notice_ratelimited("%s: the client broke the protocol with a message of an impossible size or a tag in use: closing the connection\n",
				      conn->name);
		break;
	default:
		pr_notice_ratelimited("%s: closing the connection upon error %d\n",
				      conn->name, err);
	}
	p9_sock_end(conn);
}

static const struct p9_server_transport p9_sock_transport = {
	.recv = p9_sock_recv,
	.pending = p9_sock_pending,
	.send = p9_sock_send,
	.failed = p9_sock_failed,
};

/* The socket's callbacks, in softirq or process context */

static void p9_sock_data_ready(struct sock *sk)
{
	struct p9_sock_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn) {
		conn->data_ready(sk);
		p9_sock_wake(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/* The peer's end is found by receiving; the own one wakes waiting writers */
static void p9_sock_state_change(struct sock *sk)
{
	struct p9_sock_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn) {
		conn->state_change(sk);
		p9_sock_wake(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/*
 * Takes the socket for this connection. Its sk_write_space stays: waiting
 * writers are woken by it as any.
 */
static int p9_sock_claim(struct p9_sock_conn *conn)
{
	struct sock *sk = conn->sock->sk;
	int ret = 0;

	if (!sk_is_tcp(sk) && !sk_is_stream_unix(sk))
		return -ESOCKTNOSUPPORT;

	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data) {
		ret = -EBUSY;
	} else if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED) {
		ret = -ENOTCONN;
	} else {
		conn->data_ready = sk->sk_data_ready;
		conn->state_change = sk->sk_state_change;
		sk->sk_user_data = conn;
		sk->sk_data_ready = p9_sock_data_ready;
		sk->sk_state_change = p9_sock_state_change;
	}
	write_unlock_bh(&sk->sk_callback_lock);

	/* A reply is handed over whole, there is nothing to wait for */
	if (!ret && sk_is_tcp(sk))
		tcp_sock_set_nodelay(sk);
	return ret;
}

/* No callback of this module runs any more once this returns */
static void p9_sock_release(struct p9_sock_conn *conn)
{
	struct sock *sk = conn->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = conn->data_ready;
	sk->sk_state_change = conn->state_change;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Connections */

static void p9_sock_file_free(struct kref *ref)
{
	kfree(container_of(ref, struct p9_sock_file, ref));
}

/* The last that is heard of a connection, also for who closes the device */
static void p9_sock_forget(struct p9_sock_conn *conn)
{
	struct p9_sock_file *file = conn->file;

	spin_lock(&file->lock);
	list_del(&conn->list);
	if (list_empty(&file->conns))
		wake_up(&file->empty);
	spin_unlock(&file->lock);

	kfree(conn);
	kref_put(&file->ref, p9_sock_file_free);
}

/* A request that is half here belongs to the session: it goes first */
static void p9_sock_stop_receiving(struct p9_sock_conn *conn)
{
	mutex_lock(&conn->rx_lock);
	conn->rx_over = true;
	if (conn->req)
		p9_server_req_free(conn->req);
	conn->req = NULL;
	mutex_unlock(&conn->rx_lock);
}

static void p9_sock_end_work(struct work_struct *work)
{
	struct p9_sock_conn *conn = container_of(work, struct p9_sock_conn,
						 end_work);

	p9_sock_release(conn);
	kernel_sock_shutdown(conn->sock, SHUT_RDWR);
	p9_sock_stop_receiving(conn);
	p9_server_close(conn->channel.session);
	sockfd_put(conn->sock);
	p9_sock_forget(conn);
}

static struct p9_sock_conn *p9_sock_alloc(struct p9_sock_file *file, int fd)
{
	struct p9_sock_conn *conn;
	int ret;

	conn = kzalloc_obj(*conn);
	if (!conn)
		return ERR_PTR(-ENOMEM);

	conn->sock = sockfd_lookup(fd, &ret);
	if (!conn->sock) {
		kfree(conn);
		return ERR_PTR(ret);
	}

	snprintf(conn->name, sizeof(conn->name), "sock-%u",
		 (unsigned int)atomic_inc_return(&p9_sock_count));
	conn->channel.transport = &p9_sock_transport;
	conn->file = file;
	mutex_init(&conn->rx_lock);
	mutex_init(&conn->tx_lock);
	INIT_WORK(&conn->end_work, p9_sock_end_work);
	return conn;
}

static void p9_sock_free(struct p9_sock_conn *conn)
{
	sockfd_put(conn->sock);
	kfree(conn);
}

/* From here on the connection ends by end_work alone */
static void p9_sock_start(struct p9_sock_conn *conn)
{
	struct p9_sock_file *file = conn->file;
	struct sock *sk = conn->sock->sk;

	kref_get(&file->ref);
	spin_lock(&file->lock);
	list_add_tail(&conn->list, &file->conns);
	spin_unlock(&file->lock);

	/*
	 * What came earlier has woken nobody. The session may fail at once;
	 * its end waits for this lock, but then frees all but the held socket.
	 */
	sock_hold(sk);
	write_lock_bh(&sk->sk_callback_lock);
	conn->open = true;
	p9_sock_wake(conn);
	write_unlock_bh(&sk->sk_callback_lock);
	sock_put(sk);
}

static int p9_sock_serve(struct p9_sock_file *file, int fd, u32 max_msize,
			 const struct p9_server_export *export)
{
	struct p9_server_channel *channel;
	struct p9_server_session *session;
	struct p9_sock_conn *conn;
	int ret;

	conn = p9_sock_alloc(file, fd);
	if (IS_ERR(conn))
		return PTR_ERR(conn);

	ret = p9_sock_claim(conn);
	if (ret)
		goto err_free;

	channel = &conn->channel;
	session = p9_server_open(conn->name, export, max_msize, &channel, 1);
	if (IS_ERR(session)) {
		ret = PTR_ERR(session);
		goto err_release;
	}

	p9_sock_start(conn);
	return 0;

err_release:
	p9_sock_release(conn);
err_free:
	p9_sock_free(conn);
	return ret;
}

/* The device */

static int p9_sock_option(struct p9_server_export *export, const char *key,
			  const char *value)
{
	char why[320];

	if (!p9_server_export_option(export, key, value))
		return 0;
	p9_server_export_explain(key, value, why, sizeof(why));
	pr_notice("option refused: %s\n", why);
	return -EINVAL;
}

static int p9_sock_parse(struct p9_server_export *export, char *options)
{
	char *option;

	while ((option = strsep(&options, ","))) {
		char *value = option;
		char *key = strsep(&value, "=");
		int ret;

		if (!value && !*key)
			continue;
		if (!value)
			return -EINVAL;
		ret = p9_sock_option(export, key, value);
		if (ret)
			return ret;
	}
	return 0;
}

static int p9_sock_options(struct p9_server_export *export, u64 address)
{
	char *options;
	int ret;

	if (!address)
		return 0;

	options = strndup_user(u64_to_user_ptr(address), P9_SERVER_OPTIONS_MAX);
	if (IS_ERR(options))
		return PTR_ERR(options);

	ret = p9_sock_parse(export, options);
	kfree(options);
	return ret;
}

static int p9_sock_args(struct p9_server_serve *args, void __user *from)
{
	u32 size;
	int ret;

	if (get_user(size, (u32 __user *)from))
		return -EFAULT;
	if (size < P9_SERVER_SERVE_SIZE_V0 || size > PAGE_SIZE)
		return -EINVAL;
	ret = copy_struct_from_user(args, sizeof(*args), from, size);
	if (ret)
		return ret;
	if (args->flags || args->reserved)
		return -EINVAL;

	if (!args->max_msize)
		args->max_msize = P9_SERVER_MAX_MSIZE;
	if (args->max_msize < P9_SERVER_MIN_MSIZE ||
	    args->max_msize > P9_SERVER_MAX_MSIZE)
		return -ERANGE;
	return 0;
}

static int p9_sock_ioctl_serve(struct p9_sock_file *file, void __user *from)
{
	struct p9_server_export export = P9_SERVER_EXPORT_INIT;
	struct p9_server_serve args;
	int ret;

	ret = p9_sock_args(&args, from);
	if (ret)
		return ret;

	struct file *root __free(fput) = fget_raw(args.root_fd);
	if (!root)
		return -EBADF;
	export.root = root->f_path;
	if (!d_can_lookup(export.root.dentry))
		return -ENOTDIR;

	ret = p9_sock_options(&export, args.options);
	if (ret)
		return ret;
	return p9_sock_serve(file, args.socket_fd, args.max_msize, &export);
}

static long p9_sock_ioctl(struct file *filp, unsigned int cmd,
			  unsigned long arg)
{
	/* Who was merely given the open file must not export what it can't read */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	switch (cmd) {
	case P9_SERVER_SERVE:
		return p9_sock_ioctl_serve(filp->private_data,
					   (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int p9_sock_open(struct inode *inode, struct file *filp)
{
	struct p9_sock_file *file;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	file = kzalloc_obj(*file);
	if (!file)
		return -ENOMEM;
	kref_init(&file->ref);
	spin_lock_init(&file->lock);
	INIT_LIST_HEAD(&file->conns);
	init_waitqueue_head(&file->empty);
	filp->private_data = file;
	return 0;
}

static bool p9_sock_file_empty(struct p9_sock_file *file)
{
	bool empty;

	spin_lock(&file->lock);
	empty = list_empty(&file->conns);
	spin_unlock(&file->lock);
	return empty;
}

static int p9_sock_close(struct inode *inode, struct file *filp)
{
	struct p9_sock_file *file = filp->private_data;
	struct p9_sock_conn *conn;

	/* A connection on the list has not ended yet, its work may be queued */
	spin_lock(&file->lock);
	list_for_each_entry(conn, &file->conns, list)
		p9_sock_end(conn);
	spin_unlock(&file->lock);

	wait_event(file->empty, p9_sock_file_empty(file));
	kref_put(&file->ref, p9_sock_file_free);
	return 0;
}

static const struct file_operations p9_sock_fops = {
	.owner = THIS_MODULE,
	.open = p9_sock_open,
	.release = p9_sock_close,
	.unlocked_ioctl = p9_sock_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice p9_sock_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "9p-server",
	.fops = &p9_sock_fops,
	.mode = 0600,
};

/**
 * p9_server_socket_init() - offers /dev/9p-server
 *
 * Return: 0 or a negative error.
 */
int p9_server_socket_init(void)
{
	int ret;

	BUILD_BUG_ON(sizeof(struct p9_server_serve) < P9_SERVER_SERVE_SIZE_V0);

	p9_sock_wq = alloc_workqueue("9p-server-socket", WQ_UNBOUND, 0);
	if (!p9_sock_wq)
		return -ENOMEM;

	ret = misc_register(&p9_sock_device);
	if (ret) {
		pr_err("/dev/9p-server: cannot be registered, error %d: no socket can be served\n",
		       ret);
		destroy_workqueue(p9_sock_wq);
	}
	return ret;
}

/**
 * p9_server_socket_exit() - takes /dev/9p-server away
 *
 * No file of the device is open any more: it holds the module.
 */
void p9_server_socket_exit(void)
{
	misc_deregister(&p9_sock_device);
	/* Waits for what a connection's last work still does */
	destroy_workqueue(p9_sock_wq);
}
