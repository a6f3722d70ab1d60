/* SPDX-License-Identifier: GPL-2.0-only */
/* Which memory cgroup's limit a process was killed for, as far as the kernel still shows it. */
#ifndef TAPIO_MEMCG_H
#define TAPIO_MEMCG_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "cgroup.h"

/* Deeper trees are cut: their root is never the one that counts, it has no limit. */
#define ANCESTORS_MAX 32
/* The kernel charges in batches of so many pages, so usage may stop short of the limit. */
#define CHARGE_BATCH 64

enum {
	MM_FILEPAGES,
	MM_ANONPAGES,
	MM_SWAPENTS,
	MM_SHMEMPAGES,
};

static __always_inline struct mem_cgroup *memcg_of(struct cgroup_subsys_state *state)
{
	return (void *)state - bpf_core_field_offset(struct mem_cgroup, css);
}

/* Settled at load, as a constant: the other answer is never verified. */
#define SHOWS_OOM_LOCK bpf_core_field_exists(((struct mem_cgroup *)0)->oom_lock)

/*
 * Whether this may be the one that ran out: it holds the lock, or, where the kernel has none, it is
 * full. One or zero, without a branch: the verifier would follow every combination of answers.
 */
static __always_inline __u64 may_have_run_out(struct mem_cgroup *memcg)
{
	__u8 locked = 0;

	if (SHOWS_OOM_LOCK) {
		bpf_core_read(&locked, sizeof(locked), &memcg->oom_lock);
		return locked & 1;
	}
	/* The sign of how far usage is from the limit. */
	return (BPF_CORE_READ(memcg, memory.max) - BPF_CORE_READ(memcg, memory.usage.counter) -
		CHARGE_BATCH - 1) >> 63;
}

/* Whether `state` is among the ancestors of `task`'s own memory cgroup. */
static __always_inline bool is_above(struct cgroup_subsys_state *state, struct task_struct *task)
{
	struct cgroup_subsys_state *own = memory_state_of(BPF_CORE_READ(task, cgroups));
	int depth;

	for (depth = 0; depth < ANCESTORS_MAX && own; depth++) {
		if (own == state)
			return true;
		own = BPF_CORE_READ(own, parent);
	}
	return false;
}

/* The topmost of the ancestors whose bits are set, the own cgroup being bit 0. */
static __always_inline struct cgroup_subsys_state *topmost(struct cgroup_subsys_state *state, __u32 set)
{
	int depth;

	for (depth = 1; depth < ANCESTORS_MAX && state && set >> depth; depth++)
		state = BPF_CORE_READ(state, parent);
	return state;
}

static __always_inline void fill_limit(struct tapio_oom_kill *record,
				       struct cgroup_subsys_state *state, __u32 by, __u64 page_bytes)
{
	struct mem_cgroup *memcg = memcg_of(state);

	record->flags |= by;
	record->limit_bytes = BPF_CORE_READ(memcg, memory.max) * page_bytes;
	record->usage_bytes = BPF_CORE_READ(memcg, memory.usage.counter) * page_bytes;
	refer_to(&record->limit_cgroup, BPF_CORE_READ(state, cgroup));
}

/*
 * The memory cgroup that ran out locks its whole subtree while it looks for a victim, so the
 * topmost locked ancestor is the one. Kernels without the lock leave the ancestors that are full,
 * and only one such ancestor is an answer; where there is a lock, full proves nothing, because a
 * cgroup full of page cache is an everyday sight. Either way the task at whose allocation this
 * happens must be in that subtree too: else it is another shortage, most likely the machine's.
 * A limit that was lowered is not found: its writer is outside, and takes no lock.
 */
static __always_inline void find_limit(struct tapio_oom_kill *record, struct task_struct *victim,
				       struct task_struct *trigger, __u64 page_bytes)
{
	struct cgroup_subsys_state *own = memory_state_of(BPF_CORE_READ(victim, cgroups));
	struct cgroup_subsys_state *state = own;
	__u32 found = 0;
	int depth;

	if (!own) {
		record->flags |= TAPIO_OOM_NO_MEMCG;
		return;
	}
	for (depth = 0; depth < ANCESTORS_MAX && state; depth++) {
		found |= may_have_run_out(memcg_of(state)) << depth;
		state = BPF_CORE_READ(state, parent);
	}
	if (!found || (!SHOWS_OOM_LOCK && found & (found - 1)))
		return;
	state = topmost(own, found);
	if (state && is_above(state, trigger))
		fill_limit(record, state,
			   SHOWS_OOM_LOCK ? TAPIO_OOM_LIMIT_BY_LOCK : TAPIO_OOM_LIMIT_BY_USAGE,
			   page_bytes);
}

/* Both are sums that may lag behind, and a lagging sum may be below zero. */
static __always_inline __u64 at_least_none(__s64 pages)
{
	return pages > 0 ? pages : 0;
}

/*
 * A macro, because `member` must be a constant where the access is written: only then is the index
 * part of the relocation. With a variable clang multiplies by the size of our own short
 * percpu_counter and reads the middle of the kernel's.
 */
#define RESIDENT_PAGES(mm, member)                                                                 \
	at_least_none(bpf_core_type_exists(struct mm_rss_stat) ?                                   \
		BPF_CORE_READ((struct mm_struct___before_6_2 *)(void *)(mm),                       \
			      rss_stat.count[member].counter) :                                    \
		BPF_CORE_READ(mm, rss_stat[member].count))

static __always_inline void fill_memory(struct tapio_oom_kill *record, struct mm_struct *mm,
					__u64 page_bytes)
{
	if (!mm)
		return;
	record->flags |= TAPIO_OOM_HAS_RSS;
	record->anon_rss_bytes = RESIDENT_PAGES(mm, MM_ANONPAGES) * page_bytes;
	record->file_rss_bytes = RESIDENT_PAGES(mm, MM_FILEPAGES) * page_bytes;
	record->shmem_rss_bytes = RESIDENT_PAGES(mm, MM_SHMEMPAGES) * page_bytes;
}

#endif
