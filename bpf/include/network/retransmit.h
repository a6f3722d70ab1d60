/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many retransmits of one connection fall into a window. The moments of the last ones are
 * kept: of each, where the count asked for fits, else of the first of every few. So a spike is
 * never claimed with fewer than were asked for, and never later than one step of them.
 */
#ifndef TAPIO_NETWORK_RETRANSMIT_H
#define TAPIO_NETWORK_RETRANSMIT_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "tapio_abi.h"
#include "network/connection.h"

#define RETRANSMITTING_MAX 2048
/* A power of two. */
#define MOMENTS_MAX 16
#define NS_PER_MS 1000000

struct retransmitting {
	__u64 mark;
	/* What the moments below were kept for. */
	__u32 count;
	/* Retransmits since the last spike. */
	__u32 counted;
	__u64 quiet_until_ns;
	/* Milliseconds, in a ring. */
	__u32 moments[MOMENTS_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RETRANSMITTING_MAX);
	__type(key, __u64);
	__type(value, struct retransmitting);
} retransmitting SEC(".maps");

/* Not inlined: what it fills would stay on the stack under all that report() calls. */
static __noinline struct retransmitting *
retransmitting_of(const struct sock *sk, const struct tapio_network_config *config)
{
	__u64 key = (__u64)sk;
	struct retransmitting fresh = {
		.mark = connection_mark(sk),
		.count = config->retransmit_count,
	};
	struct retransmitting *known = bpf_map_lookup_elem(&retransmitting, &key);

	if (known && known->mark == fresh.mark && known->count == fresh.count)
		return known;
	bpf_map_update_elem(&retransmitting, &key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&retransmitting, &key);
}

/*
 * Counts one; how many there were within the window if they have reached the count, else 0. After
 * a spike nothing is counted for a window, so that a connection that goes on like this is told of
 * once in each. Calls for one socket never overlap: it is locked.
 */
static __noinline __u32 count_retransmit(struct retransmitting *of,
					      const struct tapio_network_config *config, __u64 now)
{
	__u32 step = (config->retransmit_count + MOMENTS_MAX - 1) / MOMENTS_MAX;
	__u32 window_ms = config->retransmit_window_ns / NS_PER_MS;
	__u32 now_ms = now / NS_PER_MS;
	__u32 steps, done;

	if (!step || now < of->quiet_until_ns)
		return 0;
	if (of->counted % step == 0)
		of->moments[of->counted / step & (MOMENTS_MAX - 1)] = now_ms;
	of->counted++;
	steps = (config->retransmit_count + step - 1) / step;
	done = of->counted / step;
	if (of->counted % step || done < steps)
		return 0;
	if (now_ms - of->moments[(done - steps) & (MOMENTS_MAX - 1)] > window_ms)
		return 0;
	of->counted = 0;
	of->quiet_until_ns = now + config->retransmit_window_ns;
	return steps * step;
}

#endif
