/* SPDX-License-Identifier: GPL-2.0 */
/* Little endian numbers at any address */
#ifndef SHIM_LINUX_UNALIGNED_H
#define SHIM_LINUX_UNALIGNED_H

#include <linux/types.h>

static inline u16 get_unaligned_le16(const void *from)
{
	const u8 *at = from;

	return at[0] | at[1] << 8;
}

static inline u32 get_unaligned_le32(const void *from)
{
	const u8 *at = from;

	return get_unaligned_le16(at) | (u32)get_unaligned_le16(at + 2) << 16;
}

static inline u64 get_unaligned_le64(const void *from)
{
	const u8 *at = from;

	return get_unaligned_le32(at) | (u64)get_unaligned_le32(at + 4) << 32;
}

static inline void put_unaligned_le16(u16 value, void *to)
{
	u8 *at = to;

	at[0] = value;
	at[1] = value >> 8;
}

static inline void put_unaligned_le32(u32 value, void *to)
{
	put_unaligned_le16(value, to);
	put_unaligned_le16(value >> 16, (u8 *)to + 2);
}

static inline void put_unaligned_le64(u64 value, void *to)
{
	put_unaligned_le32(value, to);
	put_unaligned_le32(value >> 32, (u8 *)to + 4);
}

#endif /* SHIM_LINUX_UNALIGNED_H */
