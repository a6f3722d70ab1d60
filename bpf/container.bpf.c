/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * OOM kills and abnormal exits.
 *
 * A death is told once per process, by its last thread. Who sent the signal is known only when
 * it is generated, so that is kept until the exit; who was killed for memory is told when the
 * kernel marks a victim for which it has just generated a SIGKILL in the same context.
 */
#define RING_BYTES (512 * 1024)

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "observer.h"
#include "signal.h"
#include "task.h"
#include "memcg.h"

#define EEXIST 17
/* `result` of signal_generate: queued, not ignored, not already pending. */
#define SIGNAL_DELIVERED 0

const volatile struct tapio_container_shape shape = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tapio_container_control);
} control SEC(".maps");

/* Where the kernel does not say who was the last thread: processes already told of. */
struct death {
	__u64 signal;
	__u64 start_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct death);
	__type(value, __u8);
} deaths SEC(".maps");

static __always_inline const struct tapio_container_config *config(void)
{
	__u32 only = 0;
	struct tapio_container_control *both = bpf_map_lookup_elem(&control, &only);
	const struct tapio_container_config *active;

	if (!both)
		return NULL;
	active = &both->slots[both->active & 1];
	return active->enabled ? active : NULL;
}

static __always_inline struct tapio_record_header header_of(const struct tapio_container_config *config,
							    __u16 kind)
{
	struct tapio_record_header header = {
		.kind = kind,
		.abi_version = TAPIO_ABI_VERSION,
		.generation = config->generation,
		.boot_ns = bpf_ktime_get_boot_ns(),
	};

	return header;
}

static __always_inline bool is_ignored(const struct tapio_container_config *config, int code)
{
	__u32 at;

	for (at = 0; at < TAPIO_IGNORED_CODES_MAX; at++) {
		if (at >= config->ignored_codes_len)
			return false;
		if (config->ignored_codes[at] == code)
			return true;
	}
	return false;
}

/* What the operator asked for: codes may be ignored, signals may not. */
static __always_inline bool in_scope(const struct tapio_container_config *config, __u32 status,
				     bool is_root)
{
	int signal = status & 0x7f;

	if (!signal && is_ignored(config, status >> 8))
		return false;
	if (config->exits == TAPIO_EXITS_ALL)
		return true;
	return signal ? signal == SIGKILL || dumps_core(signal) : is_root;
}

/*
 * Two threads can both find themselves the last (`live` is already zero for both): then the first
 * insert counts. `nr_threads` proves nothing here, because the other may have told and be gone.
 */
static __always_inline long first_to_tell(struct signal_struct *signal, struct task_struct *leader)
{
	struct death key = {
		.signal = (__u64)signal,
		.start_ns = leader->start_boottime,
	};
	__u8 told = 1;

	if (shape.exit_has_group_dead)
		return 0;
	return bpf_map_update_elem(&deaths, &key, &told, BPF_NOEXIST);
}

static __always_inline void fill_exit(struct tapio_abnormal_exit *record, struct task_struct *task,
				      struct task_struct *leader, __u32 status, bool is_root)
{
	refer_to_process(&record->process, task);
	record->status = status;
	record->runtime_ns = record->header.boot_ns - leader->start_boottime;
	if (is_root)
		record->flags |= TAPIO_EXIT_WORKLOAD_ROOT;
	if (task->signal->oom_mm)
		record->flags |= TAPIO_EXIT_OOM_VICTIM;
	if (status & 0x7f)
		fill_sender(record, task->tgid, leader->start_boottime);
}

/* A process has ended abnormally; nothing of this is paid by one that has not. */
static __always_inline void report_exit(struct task_struct *task, __u32 status)
{
	const struct tapio_container_config *active = config();
	struct tapio_counter_row *row = counter_row();
	struct task_struct *leader = task->group_leader;
	struct tapio_record_header header;
	struct tapio_abnormal_exit *record;
	bool is_root;
	long told;

	if (!active || !row)
		return;
	told = first_to_tell(task->signal, leader);
	if (told == -EEXIST)
		return;
	COUNT(row->types[TAPIO_TYPE_ABNORMAL_EXIT].seen);
	if (told) {
		COUNT(row->types[TAPIO_TYPE_ABNORMAL_EXIT].ambiguous);
		return;
	}
	header = header_of(active, TAPIO_RECORD_ABNORMAL_EXIT);
	refer_to_workload(&header.cgroup, task->cgroups);
	is_root = is_namespace_init(leader) || is_session_root(leader, &header.cgroup);
	if (!in_scope(active, status, is_root)) {
		COUNT(row->types[TAPIO_TYPE_ABNORMAL_EXIT].filtered);
		return;
	}
	record = admit(&active->fair_share, TAPIO_TYPE_ABNORMAL_EXIT, header, sizeof(*record), row);
	if (!record)
		return;
	fill_exit(record, task, leader, status, is_root);
	submit(record, TAPIO_TYPE_ABNORMAL_EXIT, row);
}

SEC("tp_btf/sched_process_exit")
int sched_process_exit(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct signal_struct *signal = task->signal;
	__u32 status;

	if (shape.exit_has_group_dead ? !(ctx[1] & 1) : signal->live.counter)
		return 0;
	/* What wait reports: the group's status if it has one, else the leader's. */
	status = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code
						   : task->group_leader->exit_code;
	status &= 0xffff;
	if (status && !(task->flags & PF_KTHREAD))
		report_exit(task, status);
	return 0;
}

/* Collected whatever the config says: a gap here would give a later death the wrong sender. */
SEC("tp_btf/signal_generate")
int signal_generate(__u64 *ctx)
{
	__u32 signal = ctx[0];
	__u64 info = ctx[1];
	struct task_struct *target = (struct task_struct *)ctx[2];
	int result = ctx[4];

	if (result != SIGNAL_DELIVERED || signal < 1 || signal > 64 ||
	    HARMLESS_SIGNALS & BIT(signal))
		return 0;
	if (signal == SIGKILL) {
		if (info == SEND_SIG_PRIV)
			keep_kill(target);
	} else if (!is_unhandled(target, signal)) {
		return 0;
	}
	keep_sender(target, signal, info, counter_row());
	return 0;
}

/*
 * Whether the task just killed in this context is the one marked. The argument is a task or a
 * pid; as a pid it must not even be shifted where it is a task, so the compiler may not move that
 * out of its branch.
 */
static __always_inline bool is_marked(struct task_struct *victim, __u64 marked)
{
	if (shape.victim_is_task)
		return (__u64)victim == marked;
	barrier_var(marked);
	return BPF_CORE_READ(victim, pid) == (int)marked;
}

static __always_inline void report_kill(struct task_struct *victim, struct tapio_counter_row *row)
{
	const struct tapio_container_config *active = config();
	struct task_struct *trigger = (struct task_struct *)bpf_get_current_task();
	struct signal_struct *signal = BPF_CORE_READ(victim, signal);
	struct tapio_record_header header;
	struct tapio_oom_kill *record;

	if (!active)
		return;
	COUNT(row->types[TAPIO_TYPE_OOM_KILL].seen);
	header = header_of(active, TAPIO_RECORD_OOM_KILL);
	refer_to_workload(&header.cgroup, BPF_CORE_READ(victim, cgroups));
	record = admit(&active->fair_share, TAPIO_TYPE_OOM_KILL, header, sizeof(*record), row);
	if (!record)
		return;
	refer_to_process(&record->victim, victim);
	refer_to_process(&record->trigger, trigger);
	record->uid = BPF_CORE_READ(victim, real_cred, uid.val);
	record->oom_score_adj = BPF_CORE_READ(signal, oom_score_adj);
	fill_memory(record, BPF_CORE_READ(signal, oom_mm), shape.page_bytes);
	find_limit(record, victim, trigger, shape.page_bytes);
	submit(record, TAPIO_TYPE_OOM_KILL, row);
}

/* A mark without a kill in this context is for a task that was dying anyway. */
SEC("tp_btf/mark_victim")
int mark_victim(__u64 *ctx)
{
	__u64 by = bpf_get_current_task();
	struct tapio_counter_row *row = counter_row();
	struct kill *kill = bpf_map_lookup_elem(&kills, &by);
	struct task_struct *victim;

	if (!row || !kill)
		return 0;
	victim = (struct task_struct *)kill->victim;
	if (bpf_ktime_get_boot_ns() - kill->boot_ns > KILL_NS || !is_marked(victim, ctx[0]))
		return 0;
	bpf_map_delete_elem(&kills, &by);
	report_kill(victim, row);
	return 0;
}

RECORD(tapio_oom_kill);
RECORD(tapio_abnormal_exit);

char LICENSE[] SEC("license") = "GPL";
