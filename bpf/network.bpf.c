/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections that could not be made, that died, that are sent again and again or have become slow.
 *
 * Why a connection ended is in its socket when it closes: sk_err. A healthy one costs what keeps
 * its owner and one look at its round trip, and no record.
 */
#define RING_BYTES (256 * 1024)

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "observer.h"
#include "network/connection.h"
#include "network/owner.h"
#include "network/destination.h"
#include "network/retransmit.h"
#include "network/rtt.h"

enum {
	EPIPE = 32,
	ENETUNREACH = 101,
	ECONNABORTED = 103,
	ECONNRESET = 104,
	ETIMEDOUT = 110,
	ECONNREFUSED = 111,
	EHOSTDOWN = 112,
	EHOSTUNREACH = 113,
};

RECORD(tapio_connection_fact);

const volatile struct tapio_network_shape shape = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tapio_network_control);
} control SEC(".maps");

/* The agent as this program sees processes: its connections are not evidence. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} agent SEC(".maps");

static __always_inline const struct tapio_network_config *config(void)
{
	__u32 only = 0;
	struct tapio_network_control *both = bpf_map_lookup_elem(&control, &only);
	const struct tapio_network_config *active;

	if (!both)
		return NULL;
	active = &both->slots[both->active & 1];
	return active->enabled ? active : NULL;
}

static __always_inline bool is_agents(const struct tapio_process_ref *process)
{
	__u32 only = 0;
	__u32 *pid = bpf_map_lookup_elem(&agent, &only);

	return pid && process->pid && process->pid == *pid;
}

/*
 * Who is behind a connection, looked up once something is to be told of it. Copied, because every
 * pointer that may be null is another way on which the verifier looks at all that follows.
 */
struct behind {
	struct tapio_cgroup_ref cgroup;
	struct tapio_process_ref process;
	__u32 flags;
};

/*
 * A port on which a socket listens alone is nobody else's unless it was asked for, so whoever did not
 * and has that local end came from there: a listener whose backlog is 0 leaves no other mark.
 */
static __noinline void find_listener(const struct sock *sk, struct behind *behind)
{
	struct listener *listener;

	if (is_accepted(sk))
		behind->flags = TAPIO_CONNECTION_ACCEPTED;
	if (shares_port(sk)) {
		if (behind->flags)
			behind->flags |= TAPIO_CONNECTION_LISTENERS;
		return;
	}
	listener = listener_of(sk);
	if (!listener)
		return;
	behind->flags = TAPIO_CONNECTION_ACCEPTED | TAPIO_CONNECTION_HAS_LISTENER;
	behind->process = listener->process;
	/* Sockets know v2 alone, where v1 may know better. */
	if (!behind->cgroup.id || listener->cgroup.hierarchy == TAPIO_HIERARCHY_V1_MEMORY)
		behind->cgroup = listener->cgroup;
}

static __noinline void find_behind(const struct sock *sk, struct behind *behind)
{
	struct owner *owner = owner_of(sk);

	if (owner) {
		behind->flags = TAPIO_CONNECTION_HAS_OWNER;
		behind->process = owner->process;
		behind->cgroup = owner->cgroup;
		return;
	}
	refer_to_socket(&behind->cgroup, sk);
	if (is_accepted(sk) || !(is_ownerless(sk) || has_asked_for_port(sk)))
		find_listener(sk, behind);
	else if (is_ownerless(sk))
		behind->flags = TAPIO_CONNECTION_OWNER_LOST;
}

static __always_inline void fill_connection(struct tapio_connection *to, const struct sock *sk,
					    const struct behind *behind)
{
	fill_ends(to, sk);
	to->flags = behind->flags;
	to->process = behind->process;
}

static __always_inline bool is_unreachable(int error)
{
	return error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN;
}

/* What an attempt that failed with this error is called; no type for what is none of ours. */
static __always_inline int type_of_attempt(int error)
{
	if (error == ECONNREFUSED)
		return TAPIO_TYPE_CONNECTION_REFUSED;
	if (error == ETIMEDOUT)
		return TAPIO_TYPE_CONNECTION_TIMEOUT;
	return is_unreachable(error) ? TAPIO_TYPE_CONNECTION_UNREACHABLE : -1;
}

/* The same for a connection that stood. A reset after the peer's FIN is a broken pipe. */
static __always_inline int type_of_death(int error, int old_state)
{
	if (error == ECONNRESET || error == ECONNABORTED)
		return TAPIO_TYPE_CONNECTION_RESET;
	if (error == EPIPE && old_state == TCP_CLOSE_WAIT)
		return TAPIO_TYPE_CONNECTION_RESET;
	return error == ETIMEDOUT || is_unreachable(error) ? TAPIO_TYPE_CONNECTION_LOST : -1;
}

/* Whether a connection in this state stands, though perhaps in one direction only. */
static __always_inline bool is_synchronised(int state)
{
	return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_CLOSE_WAIT;
}

/* An operator's kill is no failure, and what the program has closed no longer concerns it. */
static __always_inline bool is_out_of_scope(const struct sock *sk, int old_state)
{
	return sk->sk_err == ECONNABORTED ||
	       (old_state != TCP_SYN_SENT && sk->sk_shutdown == SHUTDOWN_MASK);
}

/*
 * What is to be told of a connection besides what its socket says. Filled field by field: clang
 * puts whole initialisers among the constants, and those are the loader's.
 */
struct fact {
	__u16 kind;
	/* Its row; below TAPIO_TYPES_MAX. */
	__u16 type;
	int old_state;
	__u32 count;
	__u32 srtt_us;
	struct baseline baseline;
};

static __always_inline void fill_fact(struct tapio_connection_fact *record, const struct sock *sk,
				      const struct fact *fact)
{
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock((void *)sk);

	if (fact->kind == TAPIO_RECORD_CONNECTION_END) {
		record->error = sk->sk_err;
		record->old_state = fact->old_state;
		record->new_state = TCP_CLOSE;
	}
	record->count = fact->count;
	record->baseline_us = fact->baseline.lowest_us;
	record->samples = fact->baseline.samples;
	if (!tcp)
		return;
	if (fact->old_state == TCP_SYN_SENT)
		record->syn_retries = tcp->total_retrans;
	record->total_retrans = tcp->total_retrans;
	record->snd_cwnd = tcp->snd_cwnd;
	record->srtt_us = tcp->srtt_us >> SRTT_SHIFT;
}

/*
 * Something of the catalogue is true of a connection, under this config; nothing of this is paid by
 * a healthy one.
 */
static __noinline void report(const struct sock *sk, struct fact *fact,
			      const struct tapio_network_config *active)
{
	struct tapio_counter_row *row = counter_row();
	__u32 type = fact->type & (TAPIO_TYPES_MAX - 1);
	struct behind behind = {};
	struct tapio_connection_fact *record;
	struct tapio_record_header header = { .kind = fact->kind };
	struct refusal refusal = {};

	if (!row)
		return;
	find_behind(sk, &behind);
	if (behind.flags & TAPIO_CONNECTION_HAS_OWNER && is_agents(&behind.process))
		return;
	COUNT(row->types[type].seen);
	if (fact->kind == TAPIO_RECORD_CONNECTION_END && is_out_of_scope(sk, fact->old_state)) {
		COUNT(row->types[type].filtered);
		return;
	}
	header.abi_version = TAPIO_ABI_VERSION;
	header.generation = active->generation;
	header.boot_ns = bpf_ktime_get_boot_ns();
	header.cgroup = behind.cgroup;
	if (type == TAPIO_TYPE_CONNECTION_REFUSED &&
	    !is_refusal_told(active, sk, &header, row, &refusal))
		return;
	record = admit(&active->fair_share, type, header, sizeof(*record), row);
	if (!record)
		return;
	open_destination(&refusal, record);
	fill_connection(&record->connection, sk, &behind);
	fill_fact(record, sk, fact);
	record->count += refusal.count;
	submit(record, type, row);
}

/* `may_begin`: whether this remote gets a baseline if it has none. */
static __noinline void sample_round_trip(const struct sock *sk, const struct tcp_sock *tcp,
					 const struct tapio_network_config *active,
					 bool is_ending, bool may_begin)
{
	__u32 srtt_us = tcp->srtt_us >> SRTT_SHIFT;
	struct fact fact = {};

	if (!srtt_us)
		return;
	fact.kind = TAPIO_RECORD_ROUND_TRIP;
	fact.type = TAPIO_TYPE_RTT_DEGRADATION;
	if (take_sample(active, sk, srtt_us, may_begin, &fact.baseline)) {
		if (is_newly_degraded(sk, is_ending))
			report(sk, &fact, active);
	} else if (!is_ending) {
		is_within_again(sk);
	}
}

static __always_inline void leave_established(const struct sock *sk)
{
	const struct tapio_network_config *active = config();
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock((void *)sk);

	/* An accepted connection's remote port does not come again. */
	if (active && tcp)
		sample_round_trip(sk, tcp, active, true, !is_accepted(sk));
}

static __always_inline void end(const struct sock *sk, int old_state)
{
	const struct tapio_network_config *active;
	int error = sk->sk_err, type = -1;
	struct fact fact = {};

	if (error && old_state == TCP_SYN_SENT)
		type = type_of_attempt(error);
	else if (error && is_synchronised(old_state))
		type = type_of_death(error, old_state);
	active = type >= 0 ? config() : NULL;
	if (active) {
		fact.kind = TAPIO_RECORD_CONNECTION_END;
		fact.type = type;
		fact.old_state = old_state;
		report(sk, &fact, active);
	}
	forget_owner(sk);
}

SEC("tp_btf/inet_sock_set_state")
int inet_sock_set_state(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	int old_state = ctx[1], new_state = ctx[2];

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (old_state == TCP_CLOSE && new_state == TCP_SYN_SENT)
		keep_owner(sk);
	else if (old_state == TCP_CLOSE && new_state == TCP_LISTEN)
		keep_listener(sk);
	else if (old_state == TCP_ESTABLISHED)
		leave_established(sk);
	if (old_state == TCP_LISTEN && new_state == TCP_CLOSE)
		forget_listener(sk);
	else if (new_state == TCP_CLOSE)
		end(sk, old_state);
	return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int tcp_rcv_space_adjust(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock((void *)sk);
	const struct tapio_network_config *active;

	if (!tcp || !is_due(sk, tcp))
		return 0;
	active = config();
	if (active)
		sample_round_trip(sk, tcp, active, false, true);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int tcp_retransmit_skb(__u64 *ctx)
{
	const struct sock *sk = (const struct sock *)ctx[0];
	const struct tapio_network_config *active = config();
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock((void *)sk);
	struct fact fact = {};
	struct retransmitting *of;

	/* What could not be sent was not sent again, and SYNs are told of when the attempt ends. */
	if (shape.retransmit_has_error && (int)ctx[2])
		return 0;
	if (!active || !tcp || sk->__sk_common.skc_state == TCP_SYN_SENT ||
	    sk->__sk_common.skc_state == TCP_SYN_RECV)
		return 0;
	sample_round_trip(sk, tcp, active, false, true);
	of = retransmitting_of(sk, active);
	if (!of)
		return 0;
	fact.kind = TAPIO_RECORD_RETRANSMITS;
	fact.type = TAPIO_TYPE_RETRANSMIT_SPIKE;
	fact.count = count_retransmit(of, active, bpf_ktime_get_boot_ns());
	if (fact.count)
		report(sk, &fact, active);
	return 0;
}

/* Run once, by the agent, so that its pid is known as the kernel counts them. */
SEC("raw_tp")
int know_agent(void)
{
	__u32 only = 0, pid = bpf_get_current_pid_tgid() >> 32;

	bpf_map_update_elem(&agent, &only, &pid, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
