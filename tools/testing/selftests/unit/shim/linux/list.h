/* SPDX-License-Identifier: GPL-2.0 */
/* Hashed lists */
#ifndef SHIM_LINUX_LIST_H
#define SHIM_LINUX_LIST_H

#include <linux/types.h>

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define INIT_HLIST_HEAD(head)	((head)->first = NULL)

static inline void INIT_HLIST_NODE(struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = NULL;
}

static inline bool hlist_unhashed(const struct hlist_node *node)
{
	return !node->pprev;
}

static inline bool hlist_empty(const struct hlist_head *head)
{
	return !head->first;
}

static inline void hlist_add_head(struct hlist_node *node,
				  struct hlist_head *head)
{
	node->next = head->first;
	node->pprev = &head->first;
	if (head->first)
		head->first->pprev = &node->next;
	head->first = node;
}

static inline void hlist_del_init(struct hlist_node *node)
{
	if (hlist_unhashed(node))
		return;
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
	INIT_HLIST_NODE(node);
}

#define hlist_entry(ptr, type, member) container_of(ptr, type, member)

#define hlist_entry_or_null(ptr, type, member) \
({ \
	struct hlist_node *unit_node = (ptr); \
	unit_node ? hlist_entry(unit_node, type, member) : NULL; \
})

#define hlist_for_each_entry(pos, head, member) \
	for (pos = hlist_entry_or_null((head)->first, __typeof__(*pos), member); \
	     pos; \
	     pos = hlist_entry_or_null((pos)->member.next, __typeof__(*pos), \
				       member))

#endif /* SHIM_LINUX_LIST_H */
