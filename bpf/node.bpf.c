/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs that stall, wait for memory, or get little done.
 *
 * The sampled event counts cycles, so a CPU is sampled while it is busy and left alone while it is
 * idle. A CPU enters a state and leaves it when several samples in a row agree; both are told, and
 * nothing between them. This runs in a non-maskable interrupt where there is a PMU.
 */
#define RING_BYTES (64 * 1024)

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "tapio_abi.h"
#include "observer.h"

/* Reading a counter answers with its value, or with an errno below zero. */
#define ERRNO_MAX 4095
#define PERMILLE 1000
#define THIS_CPU 0xffffffffULL

RECORD(tapio_cpu_turn);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tapio_node_control);
} control SEC(".maps");

/* The counters of each CPU; sized and filled by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cycles SEC(".maps"), instructions SEC(".maps"), stalls SEC(".maps");

/* One state of one CPU. */
struct state {
	__u64 since_ns;
	/* Of the samples that disagree with where it stands. */
	__u64 cycles;
	__u64 counted;
	__u32 disagreeing;
	__u32 is_in;
};

struct counts {
	__u64 cycles;
	__u64 instructions;
	__u64 stalls;
	/* Some CPUs do not count those. */
	__u64 has_stalls;
};

struct cpu {
	__u64 sampled_ns;
	struct counts counts;
	/* What the states were judged by. */
	__u32 generation;
	__u32 reserved;
	struct state stall;
	struct state pressure;
	struct state ipc;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu);
} cpus SEC(".maps");

static __always_inline const struct tapio_node_config *config(void)
{
	__u32 only = 0;
	struct tapio_node_control *both = bpf_map_lookup_elem(&control, &only);
	const struct tapio_node_config *active;

	if (!both)
		return NULL;
	active = &both->slots[both->active & 1];
	return active->enabled ? active : NULL;
}

/* What a state is about, and where it begins. */
struct threshold {
	__u16 kind;
	__u16 type;
	__u32 limit;
};

static __noinline void report(const struct tapio_node_config *active, const struct state *state,
			      const struct threshold *threshold, bool is_left, __u64 now)
{
	__u32 type = threshold->type & (TAPIO_TYPES_MAX - 1);
	struct tapio_counter_row *row = counter_row();
	struct tapio_record_header header = {};
	struct tapio_cpu_turn *record;

	if (!row)
		return;
	COUNT(row->types[type].seen);
	header.kind = threshold->kind;
	header.abi_version = TAPIO_ABI_VERSION;
	header.generation = active->generation;
	header.boot_ns = now;
	record = admit(&active->fair_share, type, header, sizeof(*record), row);
	if (!record)
		return;
	record->cpu = bpf_get_smp_processor_id();
	record->cycles = state->cycles;
	record->counted = state->counted;
	record->limit = threshold->limit;
	if (is_left) {
		record->flags = TAPIO_TURN_LEFT;
		record->duration_ns = now - state->since_ns;
	}
	submit(record, type, row);
}

/* A sample that is on the other side of the threshold; the last of a row turns the state. */
static __always_inline void disagree(const struct tapio_node_config *active, struct state *state,
				     const struct threshold *threshold, const struct counts *during,
				     __u64 counted, __u64 now)
{
	state->cycles += during->cycles;
	state->counted += counted;
	state->disagreeing++;
	if (state->disagreeing < TAPIO_TURN_SAMPLES)
		return;
	report(active, state, threshold, state->is_in, now);
	state->is_in = !state->is_in;
	state->since_ns = now;
	state->disagreeing = 0;
	state->cycles = 0;
	state->counted = 0;
}

static __always_inline void agree(struct state *state)
{
	state->disagreeing = 0;
	state->cycles = 0;
	state->counted = 0;
}

/* In it from the limit on, and out of it a tenth below. */
static __noinline void judge_above(const struct tapio_node_config *active, struct state *state,
				   const struct threshold *threshold, const struct counts *during,
				   __u64 now)
{
	__u64 limit = threshold->limit, counted = during->stalls * PERMILLE;
	bool is_beyond;

	if (!limit)
		return;
	if (state->is_in)
		limit -= limit / TAPIO_TURN_MARGIN;
	is_beyond = counted >= limit * during->cycles;
	if (is_beyond != state->is_in)
		disagree(active, state, threshold, during, during->stalls, now);
	else
		agree(state);
}

/* In it below the limit, and out of it from a tenth above. */
static __noinline void judge_below(const struct tapio_node_config *active, struct state *state,
				   const struct threshold *threshold, const struct counts *during,
				   __u64 now)
{
	__u64 limit = threshold->limit, counted = during->instructions * PERMILLE;
	bool is_beyond;

	if (!limit)
		return;
	if (state->is_in)
		limit += limit / TAPIO_TURN_MARGIN;
	is_beyond = counted < limit * during->cycles;
	if (is_beyond != state->is_in)
		disagree(active, state, threshold, during, during->instructions, now);
	else
		agree(state);
}

/* The CPU did nothing meanwhile: what it was in ended with its last sample. */
static __always_inline void rest(const struct tapio_node_config *active, struct state *state,
				 const struct threshold *threshold, __u64 rested_ns)
{
	agree(state);
	if (state->is_in)
		report(active, state, threshold, true, rested_ns);
	state->is_in = 0;
}

static __always_inline bool read_counter(void *counters, __u64 *value)
{
	*value = bpf_perf_event_read(counters, THIS_CPU);
	return *value < -(__u64)ERRNO_MAX;
}

static __always_inline bool read_counts(struct counts *counts)
{
	counts->has_stalls = read_counter(&stalls, &counts->stalls);
	return read_counter(&cycles, &counts->cycles) &&
	       read_counter(&instructions, &counts->instructions);
}

static __always_inline void forget(struct state *state)
{
	agree(state);
	state->is_in = 0;
}

static __always_inline void judge(const struct tapio_node_config *active, struct cpu *cpu,
				  const struct counts *during, __u64 now, bool was_idle)
{
	struct threshold stall = {
		.kind = TAPIO_RECORD_CPU_STALL,
		.type = TAPIO_TYPE_CPU_STALL,
		.limit = active->stall_critical_permille,
	};
	struct threshold pressure = {
		.kind = TAPIO_RECORD_MEMORY_PRESSURE,
		.type = TAPIO_TYPE_MEMORY_PRESSURE,
		.limit = active->stall_warning_permille,
	};
	struct threshold ipc = {
		.kind = TAPIO_RECORD_IPC_DEGRADATION,
		.type = TAPIO_TYPE_IPC_DEGRADATION,
		.limit = active->ipc_limit_milli,
	};

	if (was_idle) {
		rest(active, &cpu->stall, &stall, cpu->sampled_ns);
		rest(active, &cpu->pressure, &pressure, cpu->sampled_ns);
		rest(active, &cpu->ipc, &ipc, cpu->sampled_ns);
		return;
	}
	if (during->has_stalls) {
		judge_above(active, &cpu->stall, &stall, during, now);
		judge_above(active, &cpu->pressure, &pressure, during, now);
	}
	judge_below(active, &cpu->ipc, &ipc, during, now);
}

SEC("perf_event")
int sample(void *ctx)
{
	const struct tapio_node_config *active = config();
	__u64 now = bpf_ktime_get_boot_ns();
	struct counts counts, during;
	__u32 only = 0;
	struct cpu *cpu = bpf_map_lookup_elem(&cpus, &only);
	bool was_idle;

	(void)ctx;
	if (!cpu || !read_counts(&counts))
		return 0;
	during.cycles = counts.cycles - cpu->counts.cycles;
	during.instructions = counts.instructions - cpu->counts.instructions;
	during.stalls = counts.stalls - cpu->counts.stalls;
	during.has_stalls = counts.has_stalls;
	was_idle = now - cpu->sampled_ns > TAPIO_TURN_IDLE_NS;
	/* What was judged by another config, or by none, is no state of this one. */
	if (!active || cpu->generation != active->generation) {
		forget(&cpu->stall);
		forget(&cpu->pressure);
		forget(&cpu->ipc);
		cpu->generation = active ? active->generation : 0;
	} else if (during.cycles) {
		judge(active, cpu, &during, now, was_idle);
	}
	cpu->sampled_ns = now;
	cpu->counts = counts;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
