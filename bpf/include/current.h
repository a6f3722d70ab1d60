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

static __noinline void refer_to_current(struct tapio_process_ref *ref,
					struct tapio_cgroup_ref *cgroup)
{
	struct task_struct *task;
	struct css_set *set;

	/* since 5.11: a pointer that needs no call for each step */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = bpf_get_current_task_btf();
		set = task->cgroups;
		ref->pid = task->tgid;
		__builtin_memcpy(ref->comm, task->group_leader->comm, sizeof(ref->comm));
		if (set->dfl_cgrp->level > 0) {
			cgroup->id = set->dfl_cgrp->kn->id;
			cgroup->hierarchy = TAPIO_HIERARCHY_V2;
			return;
		}
	} else {
		task = (struct task_struct *)bpf_get_current_task();
		set = BPF_CORE_READ(task, cgroups);
		refer_to_process(ref, task);
	}
	refer_to_workload(cgroup, set);
}

#endif
