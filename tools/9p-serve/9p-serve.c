// SPDX-License-Identifier: GPL-2.0
/*
 * 9p-serve: listens on a socket and has the kernel's 9P server serve a
 * directory to whoever connects.
 *
 * This program accepts connections and hands each to /dev/9p-server; it never
 * sees a message. The sessions belong to the device that it holds open, so
 * they end with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/9p_server.h>

#define DEVICE		"/dev/9p-server"
#define DEFAULT_LISTEN	"127.0.0.1:564"

static volatile sig_atomic_t stop;

struct options {
	const char *tcp;
	const char *unix_path;
	const char *export;
	const char *dir;
	uint32_t msize;
	bool any;
	bool one;
};

static const char help[] =
"Usage: 9p-serve [-l ADDR:PORT | -u PATH] [-o OPTIONS] [-m MSIZE] [-1] DIR\n"
"Serves the directory DIR over 9P2000.L, by the kernel's server.\n"
"\n"
"  -l, --listen ADDR:PORT  TCP, a numeric address ([::1]:564 for IPv6); port 0\n"
"                          takes a free one; default " DEFAULT_LISTEN "\n"
"      --any               allow an address that is not loopback: 9P has no\n"
"                          passwords, whoever connects may act as any user\n"
"  -u, --unix PATH         an AF_UNIX socket at PATH, for root only\n"
"  -o, --options OPTIONS   of the export, as in security_model=none,readonly=1\n"
"  -m, --msize MSIZE       the largest message to agree to, in bytes\n"
"  -1, --one               serve one connection and end when it does\n"
"  -h, --help              this text\n"
"\n"
"It prints one line when it listens, and ends upon SIGTERM or SIGINT along with\n"
"all its sessions. The exit code is 0 then, 1 after an error, 2 for bad usage.\n";

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "9p-serve: %s%s%s; see 9p-serve --help\n", what,
		which ? ": " : "", which ? which : "");
	return 2;
}

static int fail(const char *what, const char *which)
{
	fprintf(stderr, "9p-serve: %s %s: %s\n", what, which, strerror(errno));
	return -1;
}

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* The signals stay blocked but in ppoll(): none comes between test and wait */
static void catch_signals(sigset_t *waiting)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, waiting);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigdelset(waiting, SIGTERM);
	sigdelset(waiting, SIGINT);
}

static int parse_msize(const char *text, uint32_t *msize)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || !value || value > UINT32_MAX)
		return -1;
	*msize = value;
	return 0;
}

/* 0 to go on, 1 when the help was asked for, 2 for bad usage */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "any", no_argument, NULL, 'a' },
		{ "unix", required_argument, NULL, 'u' },
		{ "options", required_argument, NULL, 'o' },
		{ "msize", required_argument, NULL, 'm' },
		{ "one", no_argument, NULL, '1' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "l:u:o:m:1h", names, NULL)) != -1) {
		switch (c) {
		case 'l':
			o->tcp = optarg;
			break;
		case 'a':
			o->any = true;
			break;
		case 'u':
			o->unix_path = optarg;
			break;
		case 'o':
			o->export = optarg;
			break;
		case 'm':
			if (parse_msize(optarg, &o->msize))
				return usage_error("--msize wants a number of bytes, not",
						   optarg);
			break;
		case '1':
			o->one = true;
			break;
		case 'h':
			return 1;
		default:
			return usage_error("bad usage", NULL);
		}
	}

	if (o->tcp && o->unix_path)
		return usage_error("--listen and --unix exclude each other", NULL);
	if (optind != argc - 1)
		return usage_error("one directory to serve is wanted", NULL);
	o->dir = argv[optind];
	if (!o->tcp && !o->unix_path)
		o->tcp = DEFAULT_LISTEN;
	return 0;
}

static bool is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in6 *v6 = (const void *)address;
	const struct sockaddr_in *v4 = (const void *)address;

	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* Splits ADDR:PORT or [ADDR]:PORT in place */
static int split_address(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return -1;
	*colon = '\0';
	*port = colon + 1;
	*host = text;
	if (text[0] == '[' && colon > text && colon[-1] == ']') {
		colon[-1] = '\0';
		*host = text + 1;
	}
	return **host && **port ? 0 : -1;
}

static struct addrinfo *resolve(const char *text)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	};
	struct addrinfo *address = NULL;
	char *copy, *host, *port;
	int err;

	copy = strdup(text);
	if (!copy) {
		fail("cannot read the address", text);
		return NULL;
	}
	if (split_address(copy, &host, &port)) {
		fprintf(stderr, "9p-serve: --listen %s: not of the form ADDR:PORT\n",
			text);
		free(copy);
		return NULL;
	}
	err = getaddrinfo(host, port, &hints, &address);
	if (err)
		fprintf(stderr,
			"9p-serve: --listen %s: %s; a numeric address and port are wanted\n",
			text, gai_strerror(err));
	free(copy);
	return err ? NULL : address;
}

static int bind_tcp(const struct addrinfo *address, const char *text)
{
	int one = 1;
	int fd;

	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail("cannot make a socket for", text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address->ai_addr, address->ai_addrlen)) {
		fail("cannot bind to", text);
		close(fd);
		return -1;
	}
	return fd;
}

static int listen_tcp(const struct options *o)
{
	struct addrinfo *address;
	int fd = -1;

	address = resolve(o->tcp);
	if (!address)
		return -1;
	if (!o->any && !is_loopback(address->ai_addr))
		fprintf(stderr,
			"9p-serve: --listen %s: not a loopback address, and 9P has no passwords: whoever connects may act as any user; say --any to allow it\n",
			o->tcp);
	else
		fd = bind_tcp(address, o->tcp);
	freeaddrinfo(address);
	return fd;
}

/* Whether a socket is there that an earlier run left; leaves errno alone */
static bool is_stale(const struct sockaddr_un *address)
{
	bool stale = false;
	int saved = errno;
	struct stat st;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		stale = !lstat(address->sun_path, &st) &&
			S_ISSOCK(st.st_mode) &&
			connect(fd, (const void *)address, sizeof(*address)) &&
			errno == ECONNREFUSED;
		close(fd);
	}
	errno = saved;
	return stale;
}

static int bind_unix(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0177);
	int ret;

	ret = bind(fd, (const void *)address, sizeof(*address));
	if (ret && errno == EADDRINUSE && is_stale(address) &&
	    !unlink(address->sun_path))
		ret = bind(fd, (const void *)address, sizeof(*address));
	umask(mask);
	return ret;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return fail("cannot listen on", path);
	}
	memcpy(address.sun_path, path, strlen(path));

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail("cannot make a socket for", path);
	if (bind_unix(fd, &address)) {
		fail("cannot bind to", path);
		close(fd);
		return -1;
	}
	return fd;
}

static void print_where(const struct options *o, int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (o->unix_path) {
		printf("serving %s on unix:%s\n", o->dir, o->unix_path);
	} else if (!getsockname(fd, (void *)&address, &len) &&
		   !getnameinfo((void *)&address, len, host, sizeof(host), port,
				sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
		printf("serving %s on tcp:%s:%s\n", o->dir, host, port);
	}
	fflush(stdout);
}

static int open_listener(const struct options *o)
{
	int fd = o->unix_path ? listen_unix(o->unix_path) : listen_tcp(o);

	if (fd < 0)
		return -1;
	if (listen(fd, SOMAXCONN)) {
		fail("cannot listen on", o->unix_path ? o->unix_path : o->tcp);
		close(fd);
		return -1;
	}
	print_where(o, fd);
	return fd;
}

static int open_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		fprintf(stderr,
			"9p-serve: %s: not there; load the server with modprobe 9pnet_server\n",
			DEVICE);
	else
		fail("cannot open", DEVICE);
	return -1;
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : fail("cannot serve", dir);
}

/* A peer that vanished without a word would keep its session for ever */
static void keep_alive(int fd)
{
	int on = 1, idle = 60, interval = 15, count = 4;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static int hand_over(const struct options *o, int device, int dir, int fd)
{
	struct p9_server_serve args = {
		.size = sizeof(args),
		.socket_fd = fd,
		.root_fd = dir,
		.options = (uintptr_t)o->export,
		.max_msize = o->msize,
	};

	if (o->tcp)
		keep_alive(fd);
	if (!ioctl(device, P9_SERVER_SERVE, &args))
		return 0;

	switch (errno) {
	case ENOTCONN:
		fprintf(stderr, "9p-serve: a client went before it was served\n");
		break;
	case EINVAL:
		fprintf(stderr,
			"9p-serve: the kernel refused the options \"%s\": an unknown name or a bad value, which its log may tell\n",
			o->export ? o->export : "");
		break;
	case ERANGE:
		fprintf(stderr,
			"9p-serve: --msize %u: out of range, the kernel's server takes 4096 to 1048600\n",
			o->msize);
		break;
	default:
		fail("the kernel does not serve", o->dir);
	}
	return -1;
}

/* Until the peer or the kernel's server shuts the connection down */
static void wait_for_end(int fd, const sigset_t *waiting)
{
	struct pollfd end = { .fd = fd, .events = POLLRDHUP };

	while (!stop && ppoll(&end, 1, NULL, waiting) <= 0)
		;
}

/* Goes without a connection that was gone before it was accepted */
static int next_connection(int listener, const sigset_t *waiting)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };

	while (!stop) {
		int fd;

		if (ppoll(&ready, 1, NULL, waiting) < 0)
			continue;
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		fail("cannot accept", "a connection");
		sleep(1);
	}
	return -1;
}

static int serve_all(const struct options *o, int device, int dir,
		     int listener, const sigset_t *waiting)
{
	int fd, ret = 0;

	while (!stop && (fd = next_connection(listener, waiting)) >= 0) {
		ret = hand_over(o, device, dir, fd);
		if (o->one && !ret)
			wait_for_end(fd, waiting);
		close(fd);
		if (o->one)
			return ret;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { };
	int device, dir, listener;
	sigset_t waiting;
	int ret;

	ret = parse_options(argc, argv, &o);
	if (ret == 1) {
		fputs(help, stdout);
		return 0;
	}
	if (ret)
		return ret;
	if (geteuid()) {
		fprintf(stderr,
			"9p-serve: only root may have the kernel serve a directory; run it as root\n");
		return 1;
	}

	catch_signals(&waiting);
	device = open_device();
	if (device < 0)
		return 1;
	dir = open_dir(o.dir);
	if (dir < 0)
		return 1;
	listener = open_listener(&o);
	if (listener < 0)
		return 1;

	ret = serve_all(&o, device, dir, listener, &waiting);

	if (o.unix_path)
		unlink(o.unix_path);
	close(listener);
	/* Ends the sessions that are left, and waits for that */
	close(device);
	close(dir);
	return ret ? 1 : 0;
}
