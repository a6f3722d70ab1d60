/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Round trips against what they were at first. The baseline belongs to the remote end as its
 * namespace sees it, because a connection's own ports never come again; whether a connection has
 * been told of is kept by its socket.
 */
#ifndef TAPIO_NETWORK_RTT_H
#define TAPIO_NETWORK_RTT_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "network/connection.h"

#define BASELINES_MAX 4096
#define SAMPLED_MAX 4096
/* Microseconds, by shifting: about a second. */
#define SECOND_SHIFT 20
/*
 * TCP_DELACK_MIN: so long a peer may hold back an acknowledgement with nothing being wrong, so a
 * rise by less says nothing about the way there.
 */
#define DELAYED_ACK_US 40000
/* The kernel keeps eighths. */
#define SRTT_SHIFT 3

struct remote {
	__u64 netns;
	__u8 ip[16];
	__be16 port;
	__u16 reserved[3];
};

struct baseline {
	__u32 lowest_us;
	__u32 samples;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BASELINES_MAX);
	__type(key, struct remote);
	__type(value, struct baseline);
} baselines SEC(".maps");

/* A connection that was sampled while it lived. */
struct sampled {
	__u64 mark;
	__u32 second;
	/* Its round trip was beyond the limits when it was last looked at, and that was told. */
	__u32 is_degraded;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SAMPLED_MAX);
	__type(key, __u64);
	__type(value, struct sampled);
} sampled SEC(".maps");

/* An inode number is soon used again; where there is a cookie, it never is. */
static __always_inline __u64 lasting_netns(const struct sock *sk)
{
	struct net *net = sk->__sk_common.skc_net.net;

	if (bpf_core_field_exists(net->net_cookie))
		return net->net_cookie;
	return net->ns.inum;
}

static __always_inline struct remote remote_of(const struct sock *sk)
{
	struct remote remote = {
		.netns = lasting_netns(sk),
		.port = sk->__sk_common.skc_dport,
	};

	copy_remote_ip(remote.ip, sk);
	return remote;
}

static __always_inline bool is_beyond(const struct tapio_network_config *config,
				      const struct baseline *baseline, __u32 srtt_us)
{
	__u64 ratio_us = (__u64)config->rtt_ratio * baseline->lowest_us;

	return (ratio_us && srtt_us > ratio_us && srtt_us - baseline->lowest_us > DELAYED_ACK_US) ||
	       (config->rtt_limit_us && srtt_us > config->rtt_limit_us);
}

/*
 * Takes one sample; true if it is beyond the limits of a baseline that has its samples. A remote
 * that was never sampled gets a baseline only if asked: one that nobody will meet again would
 * drive out those in use.
 */
static __always_inline bool take_sample(const struct tapio_network_config *config,
					const struct sock *sk, __u32 srtt_us, bool may_begin,
					struct baseline *then)
{
	struct remote remote = remote_of(sk);
	struct baseline *known = bpf_map_lookup_elem(&baselines, &remote);
	struct baseline first = { .lowest_us = srtt_us, .samples = 1 };

	if (!known) {
		if (may_begin)
			bpf_map_update_elem(&baselines, &remote, &first, BPF_NOEXIST);
		return false;
	}
	if (known->samples < config->rtt_samples_min) {
		if (srtt_us < known->lowest_us)
			known->lowest_us = srtt_us;
		__sync_fetch_and_add(&known->samples, 1);
		return false;
	}
	*then = *known;
	return is_beyond(config, then, srtt_us);
}

static __always_inline struct sampled *sampled_of(const struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct sampled *known = bpf_map_lookup_elem(&sampled, &key);

	return known && known->mark == connection_mark(sk) ? known : NULL;
}

static __always_inline void begin_sampled(const struct sock *sk, __u32 second, bool is_degraded)
{
	__u64 key = (__u64)sk;
	struct sampled fresh = {
		.mark = connection_mark(sk),
		.second = second,
		.is_degraded = is_degraded,
	};

	bpf_map_update_elem(&sampled, &key, &fresh, BPF_ANY);
}

/* Remembers that a connection is beyond the limits, if it lives on; false if that was known. */
static __always_inline bool is_newly_degraded(const struct sock *sk, bool is_ending)
{
	struct sampled *known = sampled_of(sk);

	if (known && known->is_degraded)
		return false;
	if (known)
		known->is_degraded = 1;
	else if (!is_ending)
		begin_sampled(sk, 0, true);
	return true;
}

static __always_inline void is_within_again(const struct sock *sk)
{
	struct sampled *known = sampled_of(sk);

	if (known)
		known->is_degraded = 0;
}

/*
 * Whether a living connection is due for a sample, at most once a second. The socket itself says
 * whether a second has turned since it last looked at its receive space; only then is there
 * anything to look up.
 */
static __always_inline bool is_due(const struct sock *sk, const struct tcp_sock *tcp)
{
	__u32 second = tcp->tcp_mstamp >> SECOND_SHIFT;
	struct sampled *known;

	if (second == (__u32)(tcp->rcvq_space.time >> SECOND_SHIFT))
		return false;
	known = sampled_of(sk);
	if (!known) {
		begin_sampled(sk, second, false);
		return true;
	}
	if (known->second == second)
		return false;
	known->second = second;
	return true;
}

#endif
