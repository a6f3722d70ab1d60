/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refusals by destination: told from a count on, and then once for what is left of the window.
 * On 5.10 an addition does not say what it made, so two CPUs at once may both be the one that
 * reaches the count; then two are told, and every one is still counted once.
 */
#ifndef TAPIO_NETWORK_DESTINATION_H
#define TAPIO_NETWORK_DESTINATION_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "tapio_abi.h"
#include "observer.h"
#include "network/connection.h"

#define DESTINATION_OWNER (TAPIO_TYPE_CONNECTION_REFUSED + 1)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TAPIO_DESTINATION_SLOTS);
	__type(key, __u32);
	__type(value, struct tapio_destination_slot);
} destinations SEC(".maps");

/* Where a refusal is counted, and as which of its window. */
struct refusal {
	/* NULL: it stands for itself. */
	struct tapio_destination_slot *slot;
	__u32 at;
	__u32 count;
};

static __always_inline struct tapio_destination destination_of(const struct sock *sk)
{
	struct tapio_destination of = {
		.port = bpf_ntohs(sk->__sk_common.skc_dport),
		.family = sk->__sk_common.skc_family,
		.netns = netns_of(sk),
	};

	copy_remote_ip(of.ip, sk);
	return of;
}

static __always_inline bool is_same(const struct tapio_destination *one,
				    const struct tapio_destination *other)
{
	const __u64 *a = (const __u64 *)one, *b = (const __u64 *)other;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

static __always_inline __u32 first_slot(const struct tapio_destination *of,
					const struct tapio_cgroup_ref *cgroup)
{
	const __u64 *words = (const __u64 *)of;
	__u64 mixed = words[0] * 31 + words[1] * 7 + words[2] * 3 + cgroup->id;

	mixed *= 0x9e3779b97f4a7c15ULL;
	return (mixed >> 32) & (TAPIO_DESTINATION_SLOTS - 1) & ~(TAPIO_FOLD_WAYS - 1);
}

static __always_inline bool take_destination(struct tapio_destination_slot *slot, __u32 at,
					     const struct tapio_destination *of,
					     const struct tapio_cgroup_ref *cgroup, __u64 now)
{
	__u32 key = TAPIO_FOLD_SLOTS + at, owner = DESTINATION_OWNER;
	bool taken = false;

	if (bpf_map_update_elem(&takeovers, &key, &owner, BPF_NOEXIST))
		return false;
	if (is_vacant(&slot->fold, now)) {
		slot->fold.owner = 0;
		slot->fold.cgroup_id = cgroup->id;
		slot->fold.hierarchy = cgroup->hierarchy;
		slot->fold.due_ns = 0;
		slot->fold.open_until_ns = 0;
		slot->destination = *of;
		slot->counted = 0;
		barrier();
		slot->fold.owner = owner;
		taken = true;
	}
	bpf_map_delete_elem(&takeovers, &key);
	return taken;
}

static __always_inline struct tapio_destination_slot *
destination_slot(const struct tapio_destination *of, const struct tapio_cgroup_ref *cgroup,
		 __u64 now, __u32 *found_at)
{
	__u32 base = first_slot(of, cgroup), way, at;
	struct tapio_destination_slot *slot;

	for (way = 0; way < TAPIO_FOLD_WAYS; way++) {
		at = base + way;
		slot = bpf_map_lookup_elem(&destinations, &at);
		if (slot && owns(&slot->fold, DESTINATION_OWNER, cgroup) &&
		    is_same(&slot->destination, of)) {
			*found_at = at;
			return slot;
		}
	}
	for (way = 0; way < TAPIO_FOLD_WAYS; way++) {
		at = base + way;
		slot = bpf_map_lookup_elem(&destinations, &at);
		if (slot && is_vacant(&slot->fold, now) &&
		    take_destination(slot, at, of, cgroup, now)) {
			*found_at = at;
			return slot;
		}
	}
	return NULL;
}

/*
 * Counts one refusal at its destination. False: it is counted as filtered or aggregated, and that
 * is all there is to it.
 */
static __noinline bool is_refusal_told(const struct tapio_network_config *config,
					    const struct sock *sk,
					    const struct tapio_record_header *header,
					    struct tapio_counter_row *row, struct refusal *refusal)
{
	struct tapio_type_counters *counters = &row->types[TAPIO_TYPE_CONNECTION_REFUSED];
	struct tapio_destination of = destination_of(sk);
	struct tapio_destination_slot *slot;
	__u64 now = header->boot_ns;

	if (!config->refused_window_ns || !config->refused_count_min)
		return true;
	slot = destination_slot(&of, &header->cgroup, now, &refusal->at);
	if (!slot) {
		COUNT(row->fold_collisions);
		return true;
	}
	if (now >= slot->fold.due_ns) {
		slot->fold.due_ns = now + config->refused_window_ns;
		slot->fold.open_until_ns = 0;
		slot->counted = 0;
	}
	refusal->count = slot->counted + 1;
	COUNT(slot->counted);
	if (now < slot->fold.open_until_ns &&
	    fold_into(&slot->fold, DESTINATION_OWNER, &header->cgroup, now)) {
		COUNT(counters->aggregated);
		return false;
	}
	if (refusal->count < config->refused_count_min) {
		COUNT(counters->filtered);
		return false;
	}
	refusal->slot = slot;
	return true;
}

/* The record just admitted stands for the rest of the window, unless it opened another fold. */
static __always_inline void open_destination(const struct refusal *refusal,
					     struct tapio_connection_fact *record)
{
	if (!refusal->slot || record->header.fold)
		return;
	record->header.fold = TAPIO_FOLD_SLOTS + refusal->at + 1;
	record->window_end_ns = refusal->slot->fold.due_ns;
	refusal->slot->fold.open_until_ns = record->window_end_ns;
}

#endif
