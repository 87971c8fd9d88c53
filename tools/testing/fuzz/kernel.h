/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel as the server's own files want, on top of what the unit
 * tests have of it (../selftests/unit/shim). The Makefile makes headers of the
 * names that the server includes, and each includes this one. Everything runs
 * in one thread: what would wait for another aborts.
 */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/errno.h>
#include <linux/compiler.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/magic.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/unaligned.h>
#include <linux/xattr.h>
#include <asm/barrier.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define BIT(n)			(1U << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define fls64(value)		((value) ? 64 - __builtin_clzll(value) : 0)
#define IS_ENABLED(option)	0
#define VISIBLE_IF_KUNIT	static
#define EXPORT_SYMBOL_GPL(symbol)	_Static_assert(1, #symbol)
#define U32_MAX			0xffffffffU
#define S64_MAX			INT64_MAX
#define OFFSET_MAX		INT64_MAX
#define NSEC_PER_SEC		1000000000UL
#define BITS_TO_LONGS(bits)	(((bits) + 63) / 64)
#define cpu_to_le16(value)	(value)
#define cpu_to_le32(value)	(value)
#define le16_to_cpu(value)	(value)
#define le32_to_cpu(value)	(value)

#define min_t(type, a, b)	min((type)(a), (type)(b))
#ifndef max
#define max(a, b)		((a) > (b) ? (a) : (b))
#endif
#define struct_size(p, member, count) \
	(sizeof(*(p)) + sizeof((p)->member[0]) * (count))

/* Errors that never leave a kernel */
#define ERESTARTSYS		512
#define ERESTARTNOINTR		513
#define ERESTARTNOHAND		514
#define ENOIOCTLCMD		515
#define ERESTART_RESTARTBLOCK	516
#define EPROBE_DEFER		517
#define EOPENSTALE		518
#define ENOTSUPP		524
#define EJUKEBOX		528
#define EIOCBQUEUED		529

#define MAX_ERRNO		4095

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (unsigned long)ptr >= (unsigned long)-MAX_ERRNO;
}

static inline bool IS_ERR_OR_NULL(const void *ptr)
{
	return !ptr || IS_ERR(ptr);
}

static inline void *ERR_CAST(const void *ptr)
{
	return (void *)ptr;
}

static inline int PTR_ERR_OR_ZERO(const void *ptr)
{
	return IS_ERR(ptr) ? PTR_ERR(ptr) : 0;
}

/* What a kernel would only warn of */
void fuzz_must(bool condition, const char *what);

#define WARN_ON_ONCE(condition) \
	(fuzz_must(!(condition), "warning: " #condition), false)
#define pr_warn_ratelimited(format, file, err) \
	fuzz_must((file) && !(err), "warning: " format)

/* Memory: the allocator's own blocks, so that the sanitizer sees their ends */
#define kzalloc(size, gfp)	unit_zalloc(size)
#define kvmalloc(size, gfp)	unit_zalloc(size)
#define kvzalloc(size, gfp)	unit_zalloc(size)
#define kvcalloc(nr, size, gfp)	unit_zalloc((nr) * (size))
#define kvfree(what)		kfree(what)

static inline void *fuzz_memdup(const void *from, size_t size, size_t more)
{
	char *to = unit_zalloc(size + more);

	if (to)
		memcpy(to, from, size);
	return to;
}

#define kmemdup_array(from, nr, size, gfp)	fuzz_memdup(from, (nr) * (size), 0)
#define kmemdup_nul(from, size, gfp)		fuzz_memdup(from, size, 1)

static inline void strscpy(char *to, const char *from, size_t size)
{
	snprintf(to, size, "%s", from);
}

int kstrtou32(const char *text, unsigned int base, u32 *value);
#define kstrtouint(text, base, value)	kstrtou32(text, base, value)

#define scnprintf(to, size, ...) \
	min((size_t)snprintf(to, size, __VA_ARGS__), (size_t)(size))

/* Bitmaps, which end with the last byte that they need */
#define bitmap_alloc(bits, gfp)	\
	((unsigned long *)unit_zalloc(BITS_TO_LONGS(bits) * sizeof(long)))
#define bitmap_free(bitmap)	kfree(bitmap)

static inline void fuzz_bits(unsigned long *bitmap, size_t from, size_t nr,
			     bool on)
{
	for (; nr--; from++) {
		if (on)
			bitmap[from / 64] |= 1UL << from % 64;
		else
			bitmap[from / 64] &= ~(1UL << from % 64);
	}
}

#define bitmap_fill(bitmap, bits)	fuzz_bits(bitmap, 0, bits, true)
#define bitmap_clear(bitmap, from, nr)	fuzz_bits(bitmap, from, nr, false)

static inline bool bitmap_empty(const unsigned long *bitmap, size_t bits)
{
	size_t i;

	for (i = 0; i < bits; i++) {
		if (bitmap[i / 64] & 1UL << i % 64)
			return false;
	}
	return true;
}

static inline u32 jhash(const void *key, u32 len, u32 start)
{
	const u8 *at = key;

	while (len--)
		start = (start ^ *at++) * 16777619;
	return start;
}

/* Arrays of pointers, a few of them */
struct fuzz_slot {
	unsigned long index;
	void *entry;
	struct fuzz_slot *next;
};

struct xarray {
	struct fuzz_slot *slots;
};

void *xa_load(struct xarray *xa, unsigned long index);
void *fuzz_xa_store(struct xarray *xa, unsigned long index, void *entry);
void xa_destroy(struct xarray *xa);

#define xa_init(xa)			((void)((xa)->slots = NULL))
#define xa_store(xa, index, entry, gfp)	fuzz_xa_store(xa, index, entry)
#define xa_err(result)			PTR_ERR_OR_ZERO(result)
#define xa_for_each(xa, index, what) \
	for (struct fuzz_slot *slot = (xa)->slots; \
	     slot && ((index) = slot->index, (what) = slot->entry, true); \
	     slot = slot->next)

/* Lists */
struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

#define LIST_HEAD(name)	struct list_head name = { &(name), &(name) }

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_add(struct list_head *node, struct list_head *head)
{
	node->prev = head;
	node->next = head->next;
	head->next->prev = node;
	head->next = node;
}

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_del_init(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	INIT_LIST_HEAD(node);
}

#define list_del(node)	list_del_init(node)

static inline void list_move_tail(struct list_head *node,
				  struct list_head *head)
{
	list_del_init(node);
	list_add_tail(node, head);
}

static inline void list_splice_tail_init(struct list_head *list,
					 struct list_head *head)
{
	while (!list_empty(list)) {
		struct list_head *node = list->next;

		list_del_init(node);
		list_add_tail(node, head);
	}
}

#define list_first_entry(head, type, member) \
	container_of((head)->next, type, member)

#define list_for_each_entry(pos, head, member) \
	for (pos = container_of((head)->next, __typeof__(*pos), member); \
	     &pos->member != (head); \
	     pos = container_of(pos->member.next, __typeof__(*pos), member))

#define list_for_each_entry_safe(pos, after, head, member) \
	for (pos = container_of((head)->next, __typeof__(*pos), member), \
	     after = container_of(pos->member.next, __typeof__(*pos), member); \
	     &pos->member != (head); \
	     pos = after, \
	     after = container_of(after->member.next, __typeof__(*pos), member))

/* Hash tables */
#define DECLARE_HASHTABLE(name, bits)	struct hlist_head name[1 << (bits)]
#define FUZZ_HASH(table, key) \
	(&(table)[hash_32(key, __builtin_ctz(ARRAY_SIZE(table)))])
#define hash_init(table)	memset(table, 0, sizeof(table))
#define hash_add(table, node, key)	hlist_add_head(node, FUZZ_HASH(table, key))
#define hash_del(node)		hlist_del_init(node)
#define hash_for_each_possible(table, pos, member, key) \
	hlist_for_each_entry(pos, FUZZ_HASH(table, key), member)
#define hash_for_each(table, bucket, pos, member) \
	for ((bucket) = 0; (bucket) < ARRAY_SIZE(table); (bucket)++) \
		hlist_for_each_entry(pos, &(table)[bucket], member)
#define hash_for_each_safe(table, bucket, after, pos, member) \
	for ((bucket) = 0; (bucket) < ARRAY_SIZE(table); (bucket)++) \
		for (pos = hlist_entry_or_null((table)[bucket].first, \
					       __typeof__(*pos), member); \
		     pos && (after = pos->member.next, true); \
		     pos = hlist_entry_or_null(after, __typeof__(*pos), member))

/* Locks, counts and waiting */
#define spin_lock_irqsave(lock, flags)	(spin_lock(lock), (void)((flags) = 0))
#define spin_unlock_irqrestore(lock, flags)	((void)(flags), spin_unlock(lock))
#define lockdep_assert_held(lock)	((void)(lock))

struct kref {
	refcount_t refs;
};

static inline void kref_init(struct kref *kref)
{
	refcount_set(&kref->refs, 1);
}

static inline void kref_get(struct kref *kref)
{
	refcount_inc(&kref->refs);
}

static inline void kref_put(struct kref *kref, void (*release)(struct kref *))
{
	if (refcount_dec_and_test(&kref->refs))
		release(kref);
}

typedef struct {
	int counter;
} atomic_t;

#define ATOMIC_INIT(value)		{ (value) }
#define atomic_inc_return(atomic)	(++(atomic)->counter)

/* Counters of a thread, which is the only one */
struct u64_stats_sync {
	int unused;
};

typedef struct {
	u64 value;
} u64_stats_t;

#define u64_stats_init(sync)			((void)(sync))
#define u64_stats_update_begin(sync)		((void)(sync))
#define u64_stats_update_end(sync)		((void)(sync))
#define u64_stats_fetch_begin(sync)		((void)(sync), 0U)
#define u64_stats_fetch_retry(sync, start)	((void)(sync), (void)(start), 0)
#define u64_stats_add(stat, by)			((void)((stat)->value += (by)))
#define u64_stats_inc(stat)			((void)(stat)->value++)
#define u64_stats_read(stat)			((stat)->value)

/* Tracepoints put together what they tell, and nobody is told */
#define TRACE_DEFINE_ENUM(name)	_Static_assert(1, #name)
#define TP_PROTO(...)		__VA_ARGS__
#define TP_ARGS(...)
#define TP_STRUCT__entry(...)	__VA_ARGS__
#define TP_fast_assign(...)	__VA_ARGS__
#define TP_printk(...)
#define __string(name, from)	const char *name;
#define __field(type, name)	type name;
#define __assign_str(name)	((void)0)
#define DECLARE_EVENT_CLASS(class, proto, args, fields, assign, print) \
	_Static_assert(1, #class)
#define DEFINE_EVENT(class, event, proto, args) \
static inline void trace_##event(proto) \
{ \
} \
_Static_assert(1, #class)
#define TRACE_EVENT(event, proto, args, fields, assign, print) \
static inline void trace_##event(proto) \
{ \
	struct { \
		fields \
	} entry = { }, *__entry = &entry; \
	assign \
	(void)__entry; \
} \
_Static_assert(1, #event)

struct kobject {
	int unused;
};

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

u64 ktime_get_ns(void);
void ktime_get_coarse_real_ts64(struct timespec64 *time);

typedef struct {
	int unused;
} wait_queue_head_t;

struct completion {
	int unused;
};

#define init_waitqueue_head(head)	((void)(head))
#define wake_up(head)			((void)(head))
#define wait_event_idle(head, condition) \
do { \
	if (!(condition)) \
		abort(); \
} while (0)
/* Nobody else runs: time is up at once, or something was woken for nothing */
#define HZ	100
bool vfs_fails(void);
#define wait_event_idle_timeout(head, condition, left) \
	((void)(head), (condition) || vfs_fails() ? (left) : 0L)

/* Users */
typedef struct {
	uid_t val;
} kuid_t;

typedef struct {
	gid_t val;
} kgid_t;

struct user_namespace {
	int unused;
};

extern struct user_namespace init_user_ns;

#define KUIDT_INIT(value)	((kuid_t) { value })
#define KGIDT_INIT(value)	((kgid_t) { value })
#define GLOBAL_ROOT_UID		KUIDT_INIT(0)
#define GLOBAL_ROOT_GID		KGIDT_INIT(0)
#define VFSUIDT_INIT(id)	(id)
#define VFSGIDT_INIT(id)	(id)
#define make_vfsuid(idmap, ns, id)	((void)(ns), (id))
#define make_vfsgid(idmap, ns, id)	((void)(ns), (id))
#define vfsuid_into_kuid(id)	(id)
#define vfsgid_into_kgid(id)	(id)
#define from_kuid(ns, id)	((id).val)
#define from_kgid(ns, id)	((id).val)
#define make_kuid(ns, id)	KUIDT_INIT(id)
#define make_kgid(ns, id)	KGIDT_INIT(id)
#define from_kuid_munged(ns, id)	((id).val)
#define from_kgid_munged(ns, id)	((id).val)
#define uid_eq(a, b)		((a).val == (b).val)
#define gid_eq(a, b)		((a).val == (b).val)
#define uid_valid(id)		((id).val != (uid_t)-1)
#define gid_valid(id)		((id).val != (gid_t)-1)

typedef kuid_t vfsuid_t;
typedef kgid_t vfsgid_t;
typedef u64 kernel_cap_t;

#define CAP_CHOWN		0
#define CAP_DAC_OVERRIDE	1
#define CAP_DAC_READ_SEARCH	2
#define CAP_FOWNER		3
#define CAP_FSETID		4
#define CAP_SYS_ADMIN		21
#define CAP_MKNOD		27
#define CAP_SETFCAP		31
#define cap_raise(caps, cap)	((caps) |= 1ULL << (cap))
#define cap_clear(caps)		((caps) = 0)

struct cred {
	refcount_t users;
	kuid_t fsuid;
	kgid_t fsgid;
	kernel_cap_t cap_inheritable;
	kernel_cap_t cap_ambient;
	kernel_cap_t cap_effective;
	kernel_cap_t cap_permitted;
};

struct task_struct {
	pid_t tgid;
};

extern struct task_struct init_task;

#define current			(&init_task)

struct cred *prepare_creds(void);
struct cred *prepare_kernel_cred(struct task_struct *task);
const struct cred *get_cred(const struct cred *cred);
void put_cred(const struct cred *cred);
const struct cred *current_cred(void);
const struct cred *override_creds(const struct cred *cred);
void revert_creds(const struct cred *old);

#define SZ_1K			1024
#define SZ_4K			4096

/* Input and output */
struct kvec {
	void *iov_base;
	size_t iov_len;
};

struct iov_iter {
	struct kvec *vec;
	size_t skip;
	size_t count;
};

#define ITER_DEST	0
#define ITER_SOURCE	1

static inline void iov_iter_kvec(struct iov_iter *iter, unsigned int direction,
				 struct kvec *vec, unsigned long nr,
				 size_t count)
{
	(void)direction;
	(void)nr;
	iter->vec = vec;
	iter->skip = 0;
	iter->count = count;
}

/* Copies and goes on; without @in and @out it only goes on */
static inline size_t fuzz_iter_copy(struct iov_iter *iter, size_t len,
				    void *in, const void *out)
{
	size_t done = 0, run;
	char *at;

	len = min(len, iter->count);
	while (done < len) {
		at = (char *)iter->vec->iov_base + iter->skip;
		run = min(len - done, iter->vec->iov_len - iter->skip);
		if (in)
			memcpy((char *)in + done, at, run);
		if (out)
			memcpy(at, (const char *)out + done, run);
		done += run;
		iter->skip += run;
		if (iter->skip == iter->vec->iov_len) {
			iter->vec++;
			iter->skip = 0;
		}
	}
	iter->count -= done;
	return done;
}

static inline size_t copy_from_iter(void *to, size_t len, struct iov_iter *iter)
{
	return fuzz_iter_copy(iter, len, to, NULL);
}

static inline void iov_iter_advance(struct iov_iter *iter, size_t len)
{
	fuzz_iter_copy(iter, len, NULL, NULL);
}

static inline size_t iov_iter_count(const struct iov_iter *iter)
{
	return iter->count;
}

#include "vfs.h"
#include "vfs_lock.h"
#include "vfs_xattr.h"

#endif /* FUZZ_KERNEL_H */
