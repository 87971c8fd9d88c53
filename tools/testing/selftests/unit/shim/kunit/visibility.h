/* SPDX-License-Identifier: GPL-2.0 */
/* As in a kernel without KUnit: no module but its own sees a function */
#ifndef SHIM_KUNIT_VISIBILITY_H
#define SHIM_KUNIT_VISIBILITY_H

#define EXPORT_SYMBOL_IF_KUNIT(symbol)	_Static_assert(1, #symbol)

#endif /* SHIM_KUNIT_VISIBILITY_H */
