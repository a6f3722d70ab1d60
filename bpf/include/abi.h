/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which version of the table an object was compiled from, for the loader alone: no program reads
 * it and no map is made of it.
 */
#ifndef TAPIO_OBJECT_ABI_H
#define TAPIO_OBJECT_ABI_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "tapio_abi.h"

const volatile __u32 abi_version SEC(".rodata.abi") = TAPIO_ABI_VERSION;

#endif
