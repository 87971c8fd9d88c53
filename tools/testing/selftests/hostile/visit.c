// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side: mount a device, do with it what processes do, unmount it, and
 * look at what came of each step and what the kernel has logged. Outcomes:
 *
 *  alive	every step succeeds
 *  again	the same of the first ones
 *  dead	one step fails with EIO, and all after it, at once
 *  failed	one step fails with EIO or EFAULT, and nothing else happens
 *  refused	the mount fails
 *  silent	a step never ends, until the driver is unbound; only who waits for
 *		the mount can be killed
 *  waited	many wait for replies, and for room in the rings: each gets EIO as
 *		soon as the backend has gone
 *  unbound	the same, as soon as the driver is unbound
 *  killed	the same, but they are killed; when the backend goes on nobody is
 *		left behind, and so does the mount
 *  kept	every step succeeds, but mounting once more waits
 *  withdrawn	the same, but mounting once more fails
 *
 * Unmounting always works.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

/* Bytes of reads and writes: with one or two of the large ones a ring is full */
#define SMALL		5000
#define LARGE		30000
/*
 * Within this a step ends, or never: emulated machines are slow, with lockdep a mount
 * may take ten seconds. A mount gives up by itself after that (MOUNT_TIMEOUT).
 */
#define STEP_MS		20000
#define MOUNT_TIMEOUT	"30"
/* What STEP_MS is where one never ends, since the last one that did, which is the mount */
#define SILENCE_MS	4000
/* A dead device does not make anybody wait for so long */
#define AT_ONCE_MS	2000
/* Until all of a crowd wait */
#define SETTLE_MS	700

static unsigned int device;
static char folder[64];
static int file = -1;

static int do_mount(void)
{
	char tag[32];

	snprintf(tag, sizeof(tag), "hostile-%u", device);
	return mount(tag, folder, "9p", 0,
		     "trans=xen,version=9p2000.L,access=any,msize=1048576");
}

static int do_open(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/" FILE_NAME, folder);
	file = open(path, O_RDWR);
	return file < 0 ? -1 : 0;
}

static int read_at(off_t at, size_t size)
{
	uint8_t *bytes = malloc(size);
	ssize_t got = pread(file, bytes, size, at);
	ssize_t i;

	for (i = 0; i < got; i++) {
		if (bytes[i] != file_byte(at + i)) {
			got = -1;
			errno = EILSEQ;
		}
	}
	free(bytes);
	return got < 0 ? -1 : 0;
}

static int do_small_read(void)
{
	return read_at(10, 100);
}

static int do_large_read(void)
{
	return read_at(1000, LARGE);
}

/* Linux 6.12 tells of a write that has failed by writing nothing */
static int write_bytes(size_t size)
{
	static char bytes[LARGE];
	ssize_t put = pwrite(file, bytes, size, 0);

	if (!put)
		errno = EIO;
	return put > 0 ? 0 : -1;
}

static int do_write(void)
{
	return write_bytes(SMALL);
}

static int do_list(void)
{
	DIR *dir = opendir(folder);
	int err = 0;

	if (!dir)
		return -1;
	errno = 0;
	while (readdir(dir))
		;
	err = errno;
	closedir(dir);
	errno = err;
	return err ? -1 : 0;
}

static int do_statfs(void)
{
	struct statfs found;

	return statfs(folder, &found);
}

static int do_stat(void)
{
	struct stat found;
	char path[100];

	snprintf(path, sizeof(path), "%s/" FILE_NAME, folder);
	return stat(path, &found);
}

static int do_umount(void)
{
	return umount2(folder, 0);
}

static int do_large_write(void)
{
	return write_bytes(LARGE);
}

static int do_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = getpid(), .l_len = 1 };

	return fcntl(file, F_SETLKW, &lock);
}

struct step {
	const char *name;
	int (*act)(void);
};

static const struct step steps[] = {
	{ "mount", do_mount },
	{ "stat", do_stat },
	{ "open", do_open },
	{ "small read", do_small_read },
	{ "large read", do_large_read },
	{ "write", do_write },
	{ "list", do_list },
	{ "statfs", do_statfs },
	{ "stat again", do_stat },
};

#define STEPS	(sizeof(steps) / sizeof(*steps))
/* Up to the reads */
#define FIRST_STEPS	5

static const struct step unmounting[] = {
	{ "unmount", do_umount },
};

/* What many do at a time, each a step */
static const struct step crowd[STEPS] = {
	{ "write", do_large_write },
	{ "large read", do_large_read },
	{ "another write", do_large_write },
	{ "lock", do_lock },
	{ "small read", do_small_read },
	{ "write once more", do_large_write },
	{ "stat", do_stat },
	{ "another lock", do_lock },
	{ "another read", do_large_read },
};

/* What came of a step, in memory that is shared with who does it */
struct result {
	bool begun;
	bool ended;
	int error;
	unsigned int ms;
	uint64_t end;
};

static struct result *results;

static void run_step(const struct step *step, struct result *result)
{
	uint64_t begin = now_ms();

	result->begun = true;
	result->error = step->act() ? errno : 0;
	result->end = now_ms();
	result->ms = result->end - begin;
	result->ended = true;
}

static void run_steps(const struct step *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		run_step(&list[i], &results[i]);
		if (list[i].act == do_mount && results[i].error)
			break;
	}
	_exit(0);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		complain("%s: %s", path, strerror(errno));
	close(fd);
}

static void bind_driver(const char *how)
{
	char path[80], name[32];

	snprintf(path, sizeof(path), "/sys/bus/xen/drivers/9pfs/%s", how);
	snprintf(name, sizeof(name), "9pfs-%u", device);
	write_to(path, name);
}

/* Whether the device is not bound to the driver */
static bool unbound(void)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/bus/xen/drivers/9pfs/9pfs-%u", device);
	return access(path, F_OK);
}

static bool gone(pid_t pid, unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	while (waitpid(pid, NULL, WNOHANG) != pid) {
		if (now_ms() > end)
			return false;
		usleep(2000);
	}
	return true;
}

static size_t steps_ended(size_t count)
{
	size_t i, ended = 0;

	for (i = 0; i < count; i++)
		ended += results[i].ended;
	return ended;
}

/*
 * The same for a process that takes steps, where @ms is for each of them but the
 * first: that connects, and has STEP_MS
 */
static bool gone_after_steps(pid_t pid, size_t count, unsigned int ms)
{
	size_t before;

	do {
		before = steps_ended(count);
		if (gone(pid, before ? ms : STEP_MS))
			return true;
	} while (steps_ended(count) != before);
	return false;
}

static void print_results(const struct step *list, size_t count)
{
	size_t i;

	for (i = 0; i < count && results[i].begun; i++) {
		if (results[i].ended)
			printf("%s: %s, %u ms\n", list[i].name,
			       results[i].error ? strerror(results[i].error) : "done",
			       results[i].ms);
		else
			printf("%s: does not end\n", list[i].name);
	}
}

/*
 * In a process that is killed when no step has ended for @ms, or for STEP_MS if it
 * is the first; false if it had to be
 */
static bool try_steps(const struct step *list, size_t count, unsigned int ms)
{
	bool ended;
	pid_t pid;

	memset(results, 0, sizeof(*results) * STEPS);
	pid = fork();
	if (!pid)
		run_steps(list, count);
	ended = gone_after_steps(pid, count, ms);
	if (!ended) {
		kill(pid, SIGKILL);
		/* Who has mounted has a file to close, and waits for that */
		if (list[0].act != do_mount || results[0].ended)
			bind_driver("unbind");
		if (!gone(pid, AT_ONCE_MS))
			complain("a process does not end");
	}
	print_results(list, count);
	return ended;
}

static void expect_dead(void)
{
	size_t i, first = STEPS;

	for (i = 1; i < STEPS; i++) {
		if (results[i].error && first == STEPS)
			first = i;
		if (i > first && (!results[i].error || results[i].ms > AT_ONCE_MS))
			complain("%s on a dead device does not fail at once", steps[i].name);
	}
	if (first == STEPS || results[first].error != EIO)
		complain("nothing fails with EIO");
}

static void expect_failed(void)
{
	unsigned int failed = 0;
	size_t i;

	for (i = 0; i < STEPS; i++) {
		if (results[i].error == EIO || results[i].error == EFAULT)
			failed++;
		else if (results[i].error)
			complain("%s fails with error %d", steps[i].name, results[i].error);
	}
	if (failed != 1)
		complain("%u steps fail, and not one", failed);
}

static void expect_alive(size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!results[i].ended || results[i].error)
			complain("%s does not succeed", steps[i].name);
	}
}

/* It connects first, which takes emulated CPUs seconds */
static void expect_refused(void)
{
	if (!results[0].error || results[0].ms > STEP_MS)
		complain("the mount is not refused before it gives up by itself");
}

static void expect(const char *outcome, bool ended)
{
	if (ended == !strcmp(outcome, "silent"))
		complain(ended ? "everything ended" : "not everything ended");
	else if (!strcmp(outcome, "dead"))
		expect_dead();
	else if (!strcmp(outcome, "failed"))
		expect_failed();
	else if (!strcmp(outcome, "alive") || !strcmp(outcome, "kept") ||
		 !strcmp(outcome, "withdrawn"))
		expect_alive(STEPS);
	else if (!strcmp(outcome, "again"))
		expect_alive(FIRST_STEPS);
	else if (!strcmp(outcome, "refused"))
		expect_refused();
}

static void unmount(void)
{
	if (!try_steps(unmounting, 1, STEP_MS) || results[0].error)
		complain("unmounting does not work");
	if (!umount2(folder, 0) || errno != EINVAL)
		complain("it is still mounted");
	if (unbound())
		bind_driver("bind");
}

static void mount_once_more(const char *outcome)
{
	bool ended;

	if (strcmp(outcome, "kept") && strcmp(outcome, "withdrawn"))
		return;
	ended = try_steps(steps, 1, SILENCE_MS);
	if (!strcmp(outcome, "kept") ? ended : !ended || results[0].error != ECONNREFUSED)
		complain("it can be mounted once more, or is refused");
}

/* What the kernel has said since the log was opened */
static void check_log(int log, unsigned int wanted)
{
	char record[4096], *text, *end;
	unsigned int found = 0;
	ssize_t size;

	while ((size = read(log, record, sizeof(record) - 1)) > 0) {
		record[size] = 0;
		text = strchr(record, ';');
		if (!text || !strstr(text, "9p"))
			continue;
		end = strchr(text, '\n');
		if (end)
			*end = 0;
		printf("logged: %s\n", text + 1);
		/* How a line break within a record looks here */
		if (strstr(text, "\\x0a"))
			complain("a record has more than a line");
		found++;
	}
	if (found > wanted || (wanted && !found))
		complain("%u lines are logged, and not %u", found, wanted);
}

static void await_device(void)
{
	uint64_t end = now_ms() + STEP_MS;

	while (unbound()) {
		if (now_ms() > end)
			die("fault: the device does not appear");
		usleep(5000);
	}
}

static pid_t people[STEPS];

static void gather(void)
{
	size_t i;

	memset(results, 0, sizeof(*results) * STEPS);
	/* The statfs is where the backend begins to take nothing */
	if (do_mount() || do_open() || do_statfs())
		die("fault: mounting: %s", strerror(errno));
	for (i = 0; i < STEPS; i++) {
		people[i] = fork();
		if (!people[i]) {
			run_step(&crowd[i], &results[i]);
			_exit(0);
		}
	}
}

static void scatter(unsigned int ms)
{
	size_t i;

	for (i = 0; i < STEPS; i++) {
		if (!gone(people[i], ms))
			complain("%s does not end", crowd[i].name);
	}
}

/* All have waited until the moment @from, or the first of them was told, no longer */
static void expect_all_failed(uint64_t from)
{
	uint64_t first = from, last = 0;
	size_t i;

	for (i = 0; i < STEPS; i++) {
		if (!results[i].ended || results[i].error != EIO)
			complain("%s does not fail with EIO", crowd[i].name);
		if (!first || results[i].end < first)
			first = results[i].end;
		if (results[i].end > last)
			last = results[i].end;
	}
	if (from && first < from)
		complain("somebody did not wait");
	if (last > first + AT_ONCE_MS)
		complain("the last is told %lu ms after the first",
			 (unsigned long)(last - first));
}

static void crowd_has_waited(void)
{
	scatter(STEP_MS);
	expect_all_failed(0);
}

static void crowd_is_unbound(void)
{
	uint64_t from;

	usleep(SETTLE_MS * 1000);
	from = now_ms();
	bind_driver("unbind");
	if (now_ms() - from > STEP_MS)
		complain("the driver is unbound only after %lu ms",
			 (unsigned long)(now_ms() - from));
	scatter(AT_ONCE_MS);
	expect_all_failed(from);
}

static void crowd_is_killed(void)
{
	size_t i;

	usleep(SETTLE_MS * 1000);
	for (i = 0; i < STEPS; i++) {
		if (results[i].ended)
			complain("%s did not wait", crowd[i].name);
		kill(people[i], SIGKILL);
	}
	/* The client waits for what it sends when somebody is killed */
	scatter(STEP_MS);
	if (do_stat() || do_large_read() || do_write() || do_lock())
		complain("the mount does not go on: %s", strerror(errno));
}

static bool visit_in_a_crowd(const char *outcome)
{
	static const struct {
		const char *outcome;
		void (*act)(void);
	} ends[] = {
		{ "waited", crowd_has_waited },
		{ "unbound", crowd_is_unbound },
		{ "killed", crowd_is_killed },
	};
	size_t i;

	for (i = 0; i < 3 && strcmp(outcome, ends[i].outcome); i++)
		;
	if (i == 3)
		return false;
	gather();
	ends[i].act();
	close(file);
	print_results(crowd, STEPS);
	unmount();
	return true;
}

int visit(unsigned int number, const char *outcome, unsigned int lines)
{
	size_t count = strcmp(outcome, "again") ? STEPS : FIRST_STEPS;
	bool silent = !strcmp(outcome, "silent");
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	bool ended;

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		die("/dev/kmsg: %s", strerror(errno));
	device = number;
	snprintf(folder, sizeof(folder), "/run/hostile-%u", number);
	mkdir(folder, 0700);
	results = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		die("out of memory");
	await_device();
	write_to("/sys/module/9pnet_xen/parameters/mount_timeout", MOUNT_TIMEOUT);
	if (!visit_in_a_crowd(outcome)) {
		ended = try_steps(steps, count, silent ? SILENCE_MS : STEP_MS);
		expect(outcome, ended);
		if (results[0].ended && !results[0].error)
			unmount();
		mount_once_more(outcome);
	}
	check_log(log, lines);
	return complained();
}

/* carry: what somebody else's mount does all the while */
int carry(const char *where, const char *until)
{
	static char bytes[20000], back[sizeof(bytes)];
	unsigned int rounds = 0;
	uint64_t begin, longest = 0;
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/carried", where);
	while (access(until, F_OK)) {
		begin = now_ms();
		memset(bytes, ++rounds, sizeof(bytes));
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes) ||
		    pread(fd, back, sizeof(back), 0) != sizeof(back) || close(fd))
			die("fault: round %u: %s", rounds, strerror(errno));
		if (memcmp(bytes, back, sizeof(bytes)))
			die("fault: round %u: what was written is not what is read", rounds);
		if (now_ms() - begin > longest)
			longest = now_ms() - begin;
		/* The machine is slow, and others want it as well */
		usleep(250000);
	}
	printf("%u rounds, the longest took %lu ms\n", rounds, (unsigned long)longest);
	return rounds < 10 || longest > STEP_MS;
}
