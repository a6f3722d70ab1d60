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
	struct cgroup_subsys_state *memory;
	struct cgroup *cgroup = set->dfl_cgrp;
	__u64 at;

	if (cgroup->level > 0) {
		ref->id = cgroup->kn->id;
		ref->hierarchy = TAPIO_HIERARCHY_V2;
		return;
	}
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return;
	at = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) * sizeof(void *);
	at += bpf_core_field_offset(struct css_set, subsys);
	memory = *(struct cgroup_subsys_state **)((void *)set + at);
	cgroup = memory->cgroup;
	if (cgroup->level > 0 && cgroup->root->hierarchy_id != 0) {
		ref->id = cgroup->kn->id;
		ref->hierarchy = TAPIO_HIERARCHY_V1_MEMORY;
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
