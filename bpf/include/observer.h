/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every observer has: its ring, its counters, its folds, and the one way from a fact to a
 * record. A fact is counted as seen once, and then as exactly one of filtered, aggregated,
 * ambiguous, lost and submitted.
 */
#ifndef TAPIO_OBSERVER_H
#define TAPIO_OBSERVER_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "tapio_abi.h"

/* Each program file says how much it may have waiting. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

/* One row per possible CPU; sized by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tapio_counter_row);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TAPIO_FOLD_SLOTS);
	__type(key, __u32);
	__type(value, struct tapio_fold_slot);
} folds SEC(".maps");

/* Who is taking a slot over. An insert that must not find its key is the only lock on 5.10. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} takeovers SEC(".maps");

static __always_inline struct tapio_counter_row *counter_row(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&counters, &cpu);
}

/*
 * Names a record's struct in the object's type information, where a test compares it with the
 * table; what is only written through pointers is not there otherwise. No program reads it.
 */
#define RECORD(name) struct name *name##_record SEC("records")

/* Rows are per CPU, but an interrupt may count in the middle of an addition. */
#define COUNT(counter) __sync_fetch_and_add(&(counter), 1)

enum share {
	SHARE_PASSES,
	SHARE_OPENS_FOLD,
	SHARE_FOLDS,
};

static __always_inline bool owns(const struct tapio_fold_slot *slot, __u32 owner,
				 const struct tapio_cgroup_ref *cgroup)
{
	return slot->owner == owner && slot->cgroup_id == cgroup->id &&
	       slot->hierarchy == cgroup->hierarchy;
}

static __always_inline bool is_vacant(const struct tapio_fold_slot *slot, __u64 now)
{
	return !slot->owner || (slot->due_ns + TAPIO_FOLD_IDLE_NS < now &&
				slot->folded == slot->reported);
}

/* Takes a vacant slot for an owner; false when somebody else was faster. */
static __always_inline bool take_over(struct tapio_fold_slot *slot, __u32 at, __u32 owner,
				      const struct tapio_cgroup_ref *cgroup, __u64 now)
{
	bool taken = false;

	if (bpf_map_update_elem(&takeovers, &at, &owner, BPF_NOEXIST))
		return false;
	if (is_vacant(slot, now)) {
		slot->owner = 0;
		slot->cgroup_id = cgroup->id;
		slot->hierarchy = cgroup->hierarchy;
		slot->due_ns = now;
		slot->open_until_ns = 0;
		barrier();
		slot->owner = owner;
		taken = true;
	}
	bpf_map_delete_elem(&takeovers, &at);
	return taken;
}

/* The slot of this cgroup and type, found or taken; NULL when all places are held by others. */
static __always_inline struct tapio_fold_slot *
fold_slot(__u32 owner, const struct tapio_cgroup_ref *cgroup, __u64 now, __u32 *found_at)
{
	__u64 mixed = (cgroup->id * 31 + cgroup->hierarchy * 7 + owner) * 0x9e3779b97f4a7c15ULL;
	__u32 base = (mixed >> 32) & (TAPIO_FOLD_SLOTS - 1) & ~(TAPIO_FOLD_WAYS - 1);
	struct tapio_fold_slot *slot;
	__u32 way, at;

	for (way = 0; way < TAPIO_FOLD_WAYS; way++) {
		at = base + way;
		slot = bpf_map_lookup_elem(&folds, &at);
		if (slot && owns(slot, owner, cgroup)) {
			*found_at = at;
			return slot;
		}
	}
	for (way = 0; way < TAPIO_FOLD_WAYS; way++) {
		at = base + way;
		slot = bpf_map_lookup_elem(&folds, &at);
		if (slot && is_vacant(slot, now) && take_over(slot, at, owner, cgroup, now)) {
			*found_at = at;
			return slot;
		}
	}
	return NULL;
}

/* Counts a fact in its fold, unless the slot changed hands under it. */
static __always_inline bool fold_into(struct tapio_fold_slot *slot, __u32 owner,
				      const struct tapio_cgroup_ref *cgroup, __u64 now)
{
	if (slot->folded == slot->reported)
		slot->first_ns = now;
	__sync_fetch_and_add(&slot->folded, 1);
	if (!owns(slot, owner, cgroup)) {
		__sync_fetch_and_add(&slot->folded, -1ULL);
		return false;
	}
	if (slot->last_ns < now)
		slot->last_ns = now;
	return true;
}

/* Whether a fact is within its cgroup's share of this type. */
static __always_inline enum share share_of(const struct tapio_fair_share *share, __u32 type,
					   const struct tapio_cgroup_ref *cgroup, __u64 now,
					   struct tapio_counter_row *row, __u32 *fold_at)
{
	struct tapio_fold_slot *slot;
	__u64 due;

	if (!share->interval_ns)
		return SHARE_PASSES;
	slot = fold_slot(type + 1, cgroup, now, fold_at);
	if (!slot) {
		COUNT(row->fold_collisions);
		return SHARE_PASSES;
	}
	due = slot->due_ns;
	if (due < now) {
		slot->due_ns = now;
		due = now;
	}
	if (due - now <= share->burst_ns) {
		__sync_fetch_and_add(&slot->due_ns, share->interval_ns);
		return SHARE_PASSES;
	}
	if (now >= slot->open_until_ns)
		return SHARE_OPENS_FOLD;
	return fold_into(slot, type + 1, cgroup, now) ? SHARE_FOLDS : SHARE_PASSES;
}

/*
 * From a fact in scope to room in the ring for its record: NULL when it was folded or there is no
 * room, and then it is counted. The record is zeroed and its header filled. A fold is opened only
 * by a record that has its room, so that nothing is folded that nobody was told of.
 */
static __always_inline void *admit(const struct tapio_fair_share *share, __u32 type,
				   struct tapio_record_header header, __u32 size,
				   struct tapio_counter_row *row)
{
	__u32 at = 0;
	enum share verdict = share_of(share, type, &header.cgroup, header.boot_ns, row, &at);
	struct tapio_record_header *record;
	struct tapio_fold_slot *slot;

	if (verdict == SHARE_FOLDS) {
		COUNT(row->types[type].aggregated);
		return NULL;
	}
	record = bpf_ringbuf_reserve(&ring, size, 0);
	if (!record) {
		COUNT(row->types[type].lost);
		return NULL;
	}
	__builtin_memset(record, 0, size);
	if (verdict == SHARE_OPENS_FOLD) {
		header.fold = at + 1;
		slot = bpf_map_lookup_elem(&folds, &at);
		if (slot)
			slot->open_until_ns = header.boot_ns + TAPIO_FOLD_WINDOW_NS;
	}
	*record = header;
	return record;
}

static __always_inline void submit(void *record, __u32 type, struct tapio_counter_row *row)
{
	COUNT(row->types[type].submitted);
	bpf_ringbuf_submit(record, 0);
}

#endif
