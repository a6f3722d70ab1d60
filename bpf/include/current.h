/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is running, for the hooks that run in the context of whom they are about. */
#ifndef TAPIO_CURRENT_H
#define TAPIO_CURRENT_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "cgroup.h"
#include "task.h"

/* The same as refer_to_workload, through pointers that need no call for each step. */
static __always_inline void refer_to_own_workload(struct tapio_cgroup_ref *ref, struct css_set *set)
{
	struct cgroup *v2 = set->dfl_cgrp, *v1;
	struct cgroup_subsys_state *memory;
	__u64 at;

	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)) {
		at = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) * sizeof(void *);
		at += bpf_core_field_offset(struct css_set, subsys);
		memory = *(struct cgroup_subsys_state **)((void *)set + at);
		v1 = memory->cgroup;
		if (is_named_by_v1(v1->level, v1->root->hierarchy_id, v2->level)) {
			ref->id = v1->kn->id;
			ref->hierarchy = TAPIO_HIERARCHY_V1_MEMORY;
			return;
		}
	}
	if (v2->level > 0) {
		ref->id = v2->kn->id;
		ref->hierarchy = TAPIO_HIERARCHY_V2;
	}
}

static __noinline void refer_to_current(struct tapio_process_ref *ref,
					struct tapio_cgroup_ref *cgroup)
{
	struct task_struct *task;

	/* since 5.11 */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = bpf_get_current_task_btf();
		ref->pid = task->tgid;
		__builtin_memcpy(ref->comm, task->group_leader->comm, sizeof(ref->comm));
		refer_to_own_workload(cgroup, task->cgroups);
	} else {
		task = (struct task_struct *)bpf_get_current_task();
		refer_to_process(ref, task);
		refer_to_workload(cgroup, BPF_CORE_READ(task, cgroups));
	}
}

#endif
