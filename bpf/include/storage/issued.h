/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests on their way, by the address of the request: when each was issued, and for whom. Both
 * are told at its completion, which runs in an interrupt of somebody else.
 *
 * An address is used again for the next request, and its entry with it, which costs less than
 * taking entries out and putting them in; the moment the request was made tells one use from the
 * next. Nothing here asks whether the observer is switched on.
 */
#ifndef TAPIO_STORAGE_ISSUED_H
#define TAPIO_STORAGE_ISSUED_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "observer.h"
#include "current.h"
#include "storage/request.h"

#define ISSUED_MAX 8192
/* Deeper trees are cut: then the cgroup is the one charged. */
#define LEVELS_MAX 32

#define QUEUED 1
#define OF_KERNEL 2

struct issued {
	__u64 mark;
	/* 0: not issued, or complete. */
	__u64 boot_ns;
	__u64 sector;
	/* The cgroup's address: only to be looked at together with its id. */
	__u64 home;
	struct tapio_cgroup_ref cgroup;
	struct tapio_process_ref owner;
	__u32 state;
	__u32 bytes;
	__u32 requeues;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ISSUED_MAX);
	__type(key, __u64);
	__type(value, struct issued);
} issued SEC(".maps");

static __always_inline struct issued *issued_at(const struct request *rq)
{
	__u64 key = (__u64)rq;

	return bpf_map_lookup_elem(&issued, &key);
}

/* Whether an entry is of this use of the request. */
static __always_inline bool is_of(const struct issued *known, const struct request *rq)
{
	return known && known->state & QUEUED && known->mark == rq->start_time_ns;
}

static __always_inline void keep_current(struct issued *known)
{
	struct task_struct *task;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = bpf_get_current_task_btf();
		known->home = (__u64)task->cgroups->dfl_cgrp;
		known->state = task->flags & PF_KTHREAD ? QUEUED | OF_KERNEL : QUEUED;
	} else {
		task = (struct task_struct *)bpf_get_current_task();
		known->home = (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp);
		known->state = BPF_CORE_READ(task, flags) & PF_KTHREAD ? QUEUED | OF_KERNEL : QUEUED;
	}
	known->cgroup.id = 0;
	known->cgroup.hierarchy = TAPIO_HIERARCHY_NONE;
	refer_to_current(&known->owner, &known->cgroup);
}

static __noinline struct issued *make_room(const struct request *rq)
{
	__u64 key = (__u64)rq;
	struct issued fresh = {};
	struct tapio_counter_row *row;

	if (!bpf_map_update_elem(&issued, &key, &fresh, BPF_ANY))
		return issued_at(rq);
	row = counter_row();
	if (row)
		COUNT(row->table_full);
	return NULL;
}

/* Begins a use of the request, for whoever is running; NULL where there is no room, counted. */
static __always_inline struct issued *begin(const struct request *rq, struct issued *known)
{
	if (!known)
		known = make_room(rq);
	if (!known)
		return NULL;
	known->mark = rq->start_time_ns;
	known->boot_ns = 0;
	known->requeues = 0;
	keep_current(known);
	return known;
}

/* Whether a cgroup is the one at `home`, or above it: as long as that is still the same. */
static __always_inline bool is_home_below(const struct issued *known, struct cgroup *above)
{
	struct cgroup *cgroup = (struct cgroup *)known->home;
	struct cgroup_subsys_state *state = &cgroup->self;
	int depth;

	if (BPF_CORE_READ(cgroup, kn, id) != known->cgroup.id)
		return false;
	for (depth = 0; depth < LEVELS_MAX && state; depth++) {
		if (BPF_CORE_READ(state, cgroup) == above)
			return true;
		state = BPF_CORE_READ(state, parent);
	}
	return false;
}

/*
 * Whose a request is. What it is charged to says it best, because the kernel writes for others;
 * but where the io controller is not in use everything below is charged to the same cgroup, and a
 * process that is in one of them and asked for this itself is known better than that.
 */
static __noinline void find_cgroup(struct tapio_cgroup_ref *ref, struct request *rq,
				   const struct issued *known, __u32 *flags)
{
	struct cgroup *charged = charged_cgroup(rq);
	bool is_asked = known && !(known->state & OF_KERNEL) && known->cgroup.hierarchy;

	if (charged && !(is_asked && is_home_below(known, charged))) {
		ref->id = BPF_CORE_READ(charged, kn, id);
		ref->hierarchy = TAPIO_HIERARCHY_V2;
		*flags |= TAPIO_REQUEST_CGROUP_IS_CHARGED;
	} else if (is_asked) {
		*ref = known->cgroup;
	}
}

#endif
