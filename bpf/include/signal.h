/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who sent the signal that kills, kept from the moment it is generated to the exit; and the kills
 * a task has in hand, kept from the SIGKILL to the mark that says it was for memory.
 */
#ifndef TAPIO_SIGNAL_H
#define TAPIO_SIGNAL_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "task.h"

#define BIT(signal) (1ULL << ((signal) - 1))

#define SIGKILL 9
/* QUIT ILL TRAP ABRT BUS FPE SEGV XCPU XFSZ SYS */
#define CORE_SIGNALS (BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) | BIT(24) | \
		      BIT(25) | BIT(31))
/* CHLD CONT STOP TSTP TTIN TTOU URG WINCH */
#define HARMLESS_SIGNALS (BIT(17) | BIT(18) | BIT(19) | BIT(20) | BIT(21) | BIT(22) | BIT(23) | \
			  BIT(28))

/* Values of `info` that are no pointers: from a process, from the kernel, and the latter forced. */
#define SEND_SIG_NOINFO 0
#define SEND_SIG_PRIV 1
#define SEND_SIG_LAST 2

#define SI_USER 0
#define SI_QUEUE -1
#define SI_TKILL -6

/* A signal counts as sent for this long while its mark as a kill for memory is awaited. */
#define KILL_NS 1000000000ULL
#define KILLS_MAX 1024

struct sender {
	__u64 start_ns;
	__u32 signal;
	__u32 flag;
	struct tapio_process_ref process;
	__u32 is_final;
	struct tapio_cgroup_ref cgroup;
};

/* By process id. A name reused is told apart by its start, and the least used goes first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct sender);
} senders SEC(".maps");

struct kill {
	__u64 victim;
	__u64 boot_ns;
};

/*
 * By the task that kills. The mark follows at once, so that the least used one is one whose mark
 * never comes: the kernel also sends these signals where memory is not the matter.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KILLS_MAX);
	__type(key, __u64);
	__type(value, struct kill);
} kills SEC(".maps");

static __always_inline bool dumps_core(__u32 signal)
{
	return CORE_SIGNALS & BIT(signal & 63);
}

static __always_inline bool is_from_process(__u64 info)
{
	int code = 0;

	if (info == SEND_SIG_NOINFO)
		return true;
	if (info <= SEND_SIG_LAST)
		return false;
	bpf_probe_read_kernel(&code, sizeof(code),
			      (void *)info + bpf_core_field_offset(struct kernel_siginfo, si_code));
	return code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
}

/* Whether this process leaves the signal to its default action. */
static __always_inline bool is_unhandled(struct task_struct *target, __u32 signal)
{
	void *action = (void *)target->sighand + bpf_core_field_offset(struct sighand_struct, action);
	void *handler = NULL;

	action += (signal - 1) * bpf_core_type_size(struct k_sigaction);
	action += bpf_core_field_offset(struct k_sigaction, sa.sa_handler);
	bpf_probe_read_kernel(&handler, sizeof(handler), action);
	return !handler;
}

/*
 * Whether this signal, whose target is ending, comes after the one that ended it: kernels before
 * 5.17 deliver such signals too. One that ends a process as it is sent has set the group's status
 * by now, and the next of the same number finds it final; one that dumps core sets the status only
 * once it is taken, so a status of its number is that of an earlier one.
 */
static __always_inline bool is_too_late(struct task_struct *target, __u32 signal, __u32 key,
					__u64 start_ns)
{
	struct sender *kept;

	if (dumps_core(signal) || (target->signal->group_exit_code & 0x7f) != signal)
		return true;
	kept = bpf_map_lookup_elem(&senders, &key);
	return kept && kept->is_final && kept->start_ns == start_ns;
}

static __always_inline void keep_sender(struct task_struct *target, __u32 signal, __u64 info,
					struct tapio_counter_row *row)
{
	struct task_struct *current = (struct task_struct *)bpf_get_current_task();
	__u32 key = target->tgid;
	struct sender sender = {
		.start_ns = target->group_leader->start_boottime,
		.signal = signal,
		.flag = TAPIO_EXIT_SENDER_KERNEL,
		.is_final = target->signal->flags & SIGNAL_GROUP_EXIT,
	};

	if (sender.is_final && is_too_late(target, signal, key, sender.start_ns))
		return;
	if (is_from_process(info)) {
		sender.flag = TAPIO_EXIT_SENDER_PROCESS;
		refer_to_process(&sender.process, current);
		refer_to_workload(&sender.cgroup, BPF_CORE_READ(current, cgroups));
	}
	if (!bpf_map_update_elem(&senders, &key, &sender, BPF_ANY))
		return;
	/* An older sender must not be taken for this one. */
	bpf_map_delete_elem(&senders, &key);
	if (row)
		COUNT(row->table_full);
}

static __always_inline void fill_sender(struct tapio_abnormal_exit *record, __u32 tgid,
					__u64 start_ns)
{
	struct sender *sender = bpf_map_lookup_elem(&senders, &tgid);

	if (!sender)
		return;
	if (sender->start_ns == start_ns && sender->signal == (record->status & 0x7f)) {
		record->flags |= sender->flag;
		record->sender = sender->process;
		record->sender_cgroup = sender->cgroup;
	}
	bpf_map_delete_elem(&senders, &tgid);
}

/* Where there is no room, a mark that follows finds nothing: that may have been a kill for memory. */
static __always_inline void keep_kill(struct task_struct *victim)
{
	__u64 by = bpf_get_current_task();
	struct kill kill = {
		.victim = (__u64)victim,
		.boot_ns = bpf_ktime_get_boot_ns(),
	};
	struct tapio_counter_row *row;

	if (!bpf_map_update_elem(&kills, &by, &kill, BPF_ANY))
		return;
	row = counter_row();
	if (!row)
		return;
	COUNT(row->types[TAPIO_TYPE_OOM_KILL].seen);
	COUNT(row->types[TAPIO_TYPE_OOM_KILL].ambiguous);
}

#endif
