/* SPDX-License-Identifier: GPL-2.0 */
/* What a session serves: the checks of an export and where its borders are */
#ifndef NET_9P_SERVER_EXPORT_H
#define NET_9P_SERVER_EXPORT_H

#include <linux/types.h>

struct path;
struct p9_server_export;
struct p9s_fid;

int p9s_export_check(const struct p9_server_export *export);
bool p9s_export_is_root(const struct p9_server_export *export,
			const struct path *path);
bool p9s_export_covers(const struct p9_server_export *export,
		       const struct path *path);
bool p9s_export_serves(const struct p9_server_export *export,
		       struct p9s_fid *fid);

#endif /* NET_9P_SERVER_EXPORT_H */
