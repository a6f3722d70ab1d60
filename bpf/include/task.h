/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes: a pid is the thread group's in the initial namespace, a name its leader's. */
#ifndef TAPIO_TASK_H
#define TAPIO_TASK_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "cgroup.h"

#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004

static __always_inline void refer_to_process(struct tapio_process_ref *ref,
					     struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	ref->pid = BPF_CORE_READ(task, tgid);
	bpf_probe_read_kernel_str(ref->comm, sizeof(ref->comm), &leader->comm);
}

/* Pid 1 of a pid namespace that is not the initial one. */
static __always_inline bool is_namespace_init(struct task_struct *leader)
{
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	int nr = 0;

	if (!level)
		return false;
	numbers += level * bpf_core_type_size(struct upid);
	numbers += bpf_core_field_offset(struct upid, nr);
	bpf_probe_read_kernel(&nr, sizeof(nr), numbers);
	return nr == 1;
}

/* A session leader whose parent lives elsewhere: what a container runtime or an init started. */
static __always_inline bool is_session_root(struct task_struct *leader,
					    const struct tapio_cgroup_ref *own)
{
	struct tapio_cgroup_ref parents = {};

	if (!BPF_CORE_READ(leader, signal, leader))
		return false;
	refer_to_workload(&parents, BPF_CORE_READ(leader, real_parent, cgroups));
	return parents.id != own->id || parents.hierarchy != own->hierarchy;
}

#endif
