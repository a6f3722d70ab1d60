/* SPDX-License-Identifier: GPL-2.0-only */
/* What a socket says about its connection: the two ends, the namespace, the cgroup. */
#ifndef TAPIO_NETWORK_CONNECTION_H
#define TAPIO_NETWORK_CONNECTION_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "tapio_abi.h"
#include "cgroup.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6

enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LISTEN = 10,
};

/* Both directions, closed by the program or by what has already happened. */
#define SHUTDOWN_MASK 3

/* Of sk_userlocks. */
#define SOCK_BINDPORT_LOCK 8

/* The low bits of a tagged sock_cgroup_data say that it is no pointer. */
#define CGROUP_DATA_TAG 3

static __always_inline bool is_v6(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_INET6;
}

/*
 * Whether a listener took this connection in. A child keeps its listener's backlog, which may be 0,
 * and a socket that connects has none.
 */
static __always_inline bool is_accepted(const struct sock *sk)
{
	return sk->sk_max_ack_backlog > 0;
}

/* Whether other sockets may listen where this one does; a child has it from its listener. */
static __noinline bool shares_port(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(&sk->__sk_common, skc_reuseport);
}

/* Whether its program chose the local port; a child never has, whatever its listener did. */
static __noinline bool has_asked_for_port(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;
}

/* In network order. Not skc_num, which is put back before a socket is closed. */
static __always_inline __be16 local_port(const struct sock *sk)
{
	return BPF_CORE_READ((const struct inet_sock *)sk, inet_sport);
}

/*
 * Tells one use of a socket's memory from the next, as far as the remote end does: state kept by
 * a socket's address must not be taken for that of its successor.
 */
static __always_inline __u64 remote_mark(const struct sock *sk)
{
	__u64 ip = is_v6(sk) ? sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3]
			     : sk->__sk_common.skc_daddr;

	return ip << 16 | sk->__sk_common.skc_dport;
}

/* The same with the local port, which is only chosen once the connection is under way. */
static __always_inline __u64 connection_mark(const struct sock *sk)
{
	return remote_mark(sk) << 16 | local_port(sk);
}

static __always_inline void copy_ip(__u8 *to, const struct sock *sk, __be32 v4,
				    const struct in6_addr *v6)
{
	__u32 *words = (__u32 *)to;

	if (!is_v6(sk)) {
		words[0] = v4;
		return;
	}
	words[0] = v6->in6_u.u6_addr32[0];
	words[1] = v6->in6_u.u6_addr32[1];
	words[2] = v6->in6_u.u6_addr32[2];
	words[3] = v6->in6_u.u6_addr32[3];
}

static __always_inline void copy_remote_ip(__u8 *to, const struct sock *sk)
{
	copy_ip(to, sk, sk->__sk_common.skc_daddr, &sk->__sk_common.skc_v6_daddr);
}

static __always_inline void copy_local_ip(__u8 *to, const struct sock *sk)
{
	copy_ip(to, sk, sk->__sk_common.skc_rcv_saddr, &sk->__sk_common.skc_v6_rcv_saddr);
}

static __always_inline __u32 netns_of(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

/* `to` is zeroed. */
static __always_inline void fill_ends(struct tapio_connection *to, const struct sock *sk)
{
	copy_local_ip(to->local_ip, sk);
	copy_remote_ip(to->remote_ip, sk);
	to->local_port = bpf_ntohs(local_port(sk));
	to->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	to->family = sk->__sk_common.skc_family;
	to->netns = netns_of(sk);
}

/*
 * The cgroup in which the socket was made, or that of the listener it comes from. Sockets know
 * the v2 hierarchy alone, and its root names nothing.
 */
static __always_inline void refer_to_socket(struct tapio_cgroup_ref *ref, const struct sock *sk)
{
	struct cgroup *cgroup = NULL;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup)) {
		cgroup = sk->sk_cgrp_data.cgroup;
	} else {
		struct sock___before_5_15 *old = (void *)sk;
		__u64 tagged = BPF_CORE_READ(old, sk_cgrp_data.val);

		if (!(tagged & CGROUP_DATA_TAG))
			cgroup = (struct cgroup *)tagged;
	}
	if (!cgroup || BPF_CORE_READ(cgroup, level) == 0)
		return;
	ref->id = BPF_CORE_READ(cgroup, kn, id);
	ref->hierarchy = TAPIO_HIERARCHY_V2;
}

#endif
