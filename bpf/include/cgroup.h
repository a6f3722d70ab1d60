/* SPDX-License-Identifier: GPL-2.0-only */
/* Which cgroup names a task's workload: the v2 one, else that of the v1 memory controller. */
#ifndef TAPIO_CGROUP_H
#define TAPIO_CGROUP_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"

/* The memory controller's state of a set of cgroups; NULL where there is no such controller. */
static __always_inline struct cgroup_subsys_state *memory_state_of(struct css_set *set)
{
	struct cgroup_subsys_state *state = NULL;

	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)) {
		__u64 at = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
		__u64 offset = bpf_core_field_offset(struct css_set, subsys) + at * sizeof(void *);

		bpf_probe_read_kernel(&state, sizeof(state), (void *)set + offset);
	}
	return state;
}

/* The hierarchy a cgroup belongs to, as far as it can name anything. */
static __always_inline __u8 hierarchy_of(struct cgroup *cgroup)
{
	struct cgroup_root *root = BPF_CORE_READ(cgroup, root);

	if (BPF_CORE_READ(root, hierarchy_id) == 0)
		return TAPIO_HIERARCHY_V2;
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)) {
		__u64 bit = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);

		if (BPF_CORE_READ(root, subsys_mask) >> bit & 1)
			return TAPIO_HIERARCHY_V1_MEMORY;
	}
	return TAPIO_HIERARCHY_NONE;
}

static __always_inline void refer_to(struct tapio_cgroup_ref *ref, struct cgroup *cgroup)
{
	ref->id = BPF_CORE_READ(cgroup, kn, id);
	ref->hierarchy = hierarchy_of(cgroup);
}

/*
 * A task below the v2 root is named by v2. On hosts where only v1 controllers are used, every
 * task sits in the v2 root, and the memory controller's hierarchy tells workloads apart. In the
 * root of both nothing is named, and the reference stays zero.
 */
static __always_inline void refer_to_workload(struct tapio_cgroup_ref *ref, struct css_set *set)
{
	struct cgroup *cgroup = BPF_CORE_READ(set, dfl_cgrp);
	struct cgroup_subsys_state *memory;

	if (BPF_CORE_READ(cgroup, level) > 0) {
		ref->id = BPF_CORE_READ(cgroup, kn, id);
		ref->hierarchy = TAPIO_HIERARCHY_V2;
		return;
	}
	memory = memory_state_of(set);
	if (!memory)
		return;
	cgroup = BPF_CORE_READ(memory, cgroup);
	if (BPF_CORE_READ(cgroup, level) > 0 && BPF_CORE_READ(cgroup, root, hierarchy_id) != 0) {
		ref->id = BPF_CORE_READ(cgroup, kn, id);
		ref->hierarchy = TAPIO_HIERARCHY_V1_MEMORY;
	}
}

#endif
