/* SPDX-License-Identifier: GPL-2.0-only */
/* Which cgroup names a task's workload: the v2 one, or that of the v1 memory controller. */
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
 * Whether the v1 memory controller's cgroup names a task rather than that of v2. On hosts where
 * both are used, runtimes put containers below the controllers, and not all of them below v2 too,
 * where such a container would be taken for its runtime's own service. So v1 is asked first, unless
 * v2 goes deeper.
 */
static __always_inline bool is_named_by_v1(int level, int hierarchy, int v2_level)
{
	return hierarchy != 0 && level > 0 && level >= v2_level;
}

/* In the root of both hierarchies nothing is named, and the reference stays zero. */
static __always_inline void refer_to_workload(struct tapio_cgroup_ref *ref, struct css_set *set)
{
	struct cgroup_subsys_state *memory = memory_state_of(set);
	struct cgroup *v2 = BPF_CORE_READ(set, dfl_cgrp), *v1 = BPF_CORE_READ(memory, cgroup);
	int v2_level = BPF_CORE_READ(v2, level);

	if (is_named_by_v1(BPF_CORE_READ(v1, level), BPF_CORE_READ(v1, root, hierarchy_id),
			   v2_level)) {
		ref->id = BPF_CORE_READ(v1, kn, id);
		ref->hierarchy = TAPIO_HIERARCHY_V1_MEMORY;
	} else if (v2_level > 0) {
		ref->id = BPF_CORE_READ(v2, kn, id);
		ref->hierarchy = TAPIO_HIERARCHY_V2;
	}
}

#endif
