/* Read before anything else where libbpf is compiled against glibc's headers and linked with musl:
 * keeps to the names that both have. glibc spells calls on files with a 64 where asked to, and from
 * 2.38 on spells strtol after the year of a standard. The structures are the kernel's in both. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#undef _FILE_OFFSET_BITS
#include <features.h>
#undef __GLIBC_USE_C2X_STRTOL
#define __GLIBC_USE_C2X_STRTOL 0
#undef __GLIBC_USE_C23_STRTOL
#define __GLIBC_USE_C23_STRTOL 0
