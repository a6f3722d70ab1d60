/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose a connection is. What ends a connection runs in a timer or an interrupt, where current is
 * whoever was running; so the process is taken when it connects or listens, and kept.
 */
#ifndef TAPIO_NETWORK_OWNER_H
#define TAPIO_NETWORK_OWNER_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "tapio_abi.h"
#include "observer.h"
#include "current.h"
#include "network/connection.h"

#define OWNERS_MAX 16384
#define LISTENERS_MAX 1024
#define OWNERLESS_MAX 512

struct owner {
	struct tapio_cgroup_ref cgroup;
	__u64 mark;
	struct tapio_process_ref process;
	__u32 reserved;
};

/* By socket, from SYN_SENT to CLOSE. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OWNERS_MAX);
	__type(key, __u64);
	__type(value, struct owner);
} owners SEC(".maps");

/* Sockets whose owner found no room, as long as anybody may ask. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OWNERLESS_MAX);
	__type(key, __u64);
	__type(value, __u64);
} ownerless SEC(".maps");

/* Where somebody listens. A child has its listener's device, and so has its key. */
struct listener_key {
	__u8 ip[16];
	__u32 netns;
	__be16 port;
	__u16 family;
	__u32 device;
};

struct listener {
	struct tapio_cgroup_ref cgroup;
	__u64 socket;
	struct tapio_process_ref process;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LISTENERS_MAX);
	__type(key, struct listener_key);
	__type(value, struct listener);
} listeners SEC(".maps");

static __always_inline void keep_owner(const struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct owner owner = { .mark = remote_mark(sk) };
	struct tapio_counter_row *row;

	refer_to_current(&owner.process, &owner.cgroup);
	if (!bpf_map_update_elem(&owners, &key, &owner, BPF_ANY))
		return;
	bpf_map_update_elem(&ownerless, &key, &owner.mark, BPF_ANY);
	row = counter_row();
	if (row)
		COUNT(row->table_full);
}

static __always_inline void forget_owner(const struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&owners, &key);
}

static __always_inline struct owner *owner_of(const struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct owner *owner;

	if (is_accepted(sk))
		return NULL;
	owner = bpf_map_lookup_elem(&owners, &key);
	return owner && owner->mark == remote_mark(sk) ? owner : NULL;
}

static __always_inline bool is_ownerless(const struct sock *sk)
{
	__u64 key = (__u64)sk;
	__u64 *mark = bpf_map_lookup_elem(&ownerless, &key);

	return mark && *mark == remote_mark(sk);
}

static __always_inline struct listener_key listener_key_of(const struct sock *sk)
{
	struct listener_key key = {
		.netns = netns_of(sk),
		.port = local_port(sk),
		.family = sk->__sk_common.skc_family,
		.device = sk->__sk_common.skc_bound_dev_if,
	};

	copy_local_ip(key.ip, sk);
	return key;
}

/* Where processes may share a port, none of them is the listener. */
static __noinline void keep_listener(const struct sock *sk)
{
	struct listener_key key = listener_key_of(sk);
	struct listener listener = { .socket = (__u64)sk };
	struct tapio_counter_row *row;

	if (shares_port(sk))
		return;
	refer_to_current(&listener.process, &listener.cgroup);
	if (!bpf_map_update_elem(&listeners, &key, &listener, BPF_ANY))
		return;
	row = counter_row();
	if (row)
		COUNT(row->table_full);
}

static __noinline void forget_listener(const struct sock *sk)
{
	struct listener_key key = listener_key_of(sk);
	struct listener *listener = bpf_map_lookup_elem(&listeners, &key);

	if (listener && listener->socket == (__u64)sk)
		bpf_map_delete_elem(&listeners, &key);
}

/* Who listens on the local end: on this very address, or on all of them. */
static __noinline struct listener *listener_of(const struct sock *sk)
{
	struct listener_key key = listener_key_of(sk);
	struct listener *listener = bpf_map_lookup_elem(&listeners, &key);

	if (listener)
		return listener;
	__builtin_memset(key.ip, 0, sizeof(key.ip));
	return bpf_map_lookup_elem(&listeners, &key);
}

#endif
