// SPDX-License-Identifier: GPL-2.0
/* What makes code of trace.h */
#define CREATE_TRACE_POINTS
#include "trace.h"
