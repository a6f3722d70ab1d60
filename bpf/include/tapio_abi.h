/* SPDX-License-Identifier: GPL-2.0-only */
/* Printed from common/src/abi by its test; edit the table there, not this file. */
#ifndef TAPIO_ABI_H
#define TAPIO_ABI_H

#define TAPIO_ABI_VERSION 1
#define TAPIO_COMM_LEN 16
#define TAPIO_TYPES_MAX 8
#define TAPIO_HIERARCHY_NONE 0
#define TAPIO_HIERARCHY_V2 1
#define TAPIO_HIERARCHY_V1_MEMORY 2
#define TAPIO_FOLD_SLOTS 1024
#define TAPIO_FOLD_WAYS 4
#define TAPIO_FOLD_WINDOW_NS 1000000000
#define TAPIO_FOLD_IDLE_NS 10000000000

#define TAPIO_RECORD_OOM_KILL 1
#define TAPIO_RECORD_ABNORMAL_EXIT 2
#define TAPIO_TYPE_OOM_KILL 0
#define TAPIO_TYPE_ABNORMAL_EXIT 1
#define TAPIO_OOM_HAS_RSS 1
#define TAPIO_OOM_LIMIT_BY_LOCK 2
#define TAPIO_OOM_LIMIT_BY_USAGE 4
#define TAPIO_OOM_NO_MEMCG 8
#define TAPIO_EXIT_OOM_VICTIM 1
#define TAPIO_EXIT_WORKLOAD_ROOT 2
#define TAPIO_EXIT_SENDER_KERNEL 4
#define TAPIO_EXIT_SENDER_PROCESS 8
#define TAPIO_EXITS_WORKLOADS 0
#define TAPIO_EXITS_ALL 1
#define TAPIO_IGNORED_CODES_MAX 16

#define TAPIO_RECORD_CONNECTION_END 10
#define TAPIO_RECORD_RETRANSMITS 11
#define TAPIO_RECORD_ROUND_TRIP 12
#define TAPIO_TYPE_CONNECTION_REFUSED 0
#define TAPIO_TYPE_CONNECTION_TIMEOUT 1
#define TAPIO_TYPE_CONNECTION_UNREACHABLE 2
#define TAPIO_TYPE_CONNECTION_RESET 3
#define TAPIO_TYPE_CONNECTION_LOST 4
#define TAPIO_TYPE_RETRANSMIT_SPIKE 5
#define TAPIO_TYPE_RTT_DEGRADATION 6
#define TAPIO_CONNECTION_HAS_OWNER 1
#define TAPIO_CONNECTION_ACCEPTED 2
#define TAPIO_CONNECTION_HAS_LISTENER 4
#define TAPIO_CONNECTION_LISTENERS 8
#define TAPIO_CONNECTION_OWNER_LOST 16
#define TAPIO_DESTINATION_SLOTS 256

#define TAPIO_RECORD_IO_ERROR 20
#define TAPIO_RECORD_LATENCY_SPIKE 21
#define TAPIO_TYPE_IO_ERROR 0
#define TAPIO_TYPE_LATENCY_SPIKE 1
#define TAPIO_REQUEST_ISSUE_SEEN 1
#define TAPIO_REQUEST_OWNER_IS_KERNEL 2
#define TAPIO_REQUEST_CRITICAL 4
#define TAPIO_REQUEST_CGROUP_IS_CHARGED 8
#define TAPIO_REQUEST_HAS_STATUS 16
#define TAPIO_DISK_NAME_LEN 32

#define TAPIO_RECORD_CPU_STALL 30
#define TAPIO_RECORD_MEMORY_PRESSURE 31
#define TAPIO_RECORD_IPC_DEGRADATION 32
#define TAPIO_TYPE_CPU_STALL 0
#define TAPIO_TYPE_MEMORY_PRESSURE 1
#define TAPIO_TYPE_IPC_DEGRADATION 2
#define TAPIO_TURN_LEFT 1
#define TAPIO_TURN_SAMPLES 3
#define TAPIO_TURN_MARGIN 10
#define TAPIO_TURN_IDLE_NS 1000000000

#define TAPIO_RECORD_CGROUP_MADE 100
#define TAPIO_RECORD_CGROUP_GONE 101
#define TAPIO_CGROUP_PATH_LEN 1024

struct tapio_cgroup_ref {
	__u64 id;
	__u8 hierarchy;
	__u8 reserved[7];
};
_Static_assert(sizeof(struct tapio_cgroup_ref) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_ref, id) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_ref, hierarchy) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_ref, reserved) == 9, "tapio abi");

struct tapio_record_header {
	__u16 kind;
	__u16 abi_version;
	__u32 generation;
	__u64 boot_ns;
	struct tapio_cgroup_ref cgroup;
	__u32 fold;
	__u32 reserved;
};
_Static_assert(sizeof(struct tapio_record_header) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_record_header, kind) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_record_header, abi_version) == 2, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_record_header, generation) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_record_header, boot_ns) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_record_header, cgroup) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_record_header, fold) == 32, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_record_header, reserved) == 36, "tapio abi");

struct tapio_process_ref {
	__u32 pid;
	__u8 comm[16];
};
_Static_assert(sizeof(struct tapio_process_ref) == 20, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_process_ref, pid) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_process_ref, comm) == 4, "tapio abi");

struct tapio_type_counters {
	__u64 seen;
	__u64 filtered;
	__u64 aggregated;
	__u64 ambiguous;
	__u64 lost;
	__u64 submitted;
};
_Static_assert(sizeof(struct tapio_type_counters) == 48, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_type_counters, seen) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_type_counters, filtered) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_type_counters, aggregated) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_type_counters, ambiguous) == 24, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_type_counters, lost) == 32, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_type_counters, submitted) == 40, "tapio abi");

struct tapio_counter_row {
	struct tapio_type_counters types[8];
	__u64 table_full;
	__u64 fold_collisions;
	__u64 reserved[6];
};
_Static_assert(sizeof(struct tapio_counter_row) == 448, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_counter_row, types) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_counter_row, table_full) == 384, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_counter_row, fold_collisions) == 392, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_counter_row, reserved) == 400, "tapio abi");

struct tapio_fair_share {
	__u64 interval_ns;
	__u64 burst_ns;
};
_Static_assert(sizeof(struct tapio_fair_share) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fair_share, interval_ns) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fair_share, burst_ns) == 8, "tapio abi");

struct tapio_fold_slot {
	__u64 cgroup_id;
	__u32 owner;
	__u32 hierarchy;
	__u64 due_ns;
	__u64 open_until_ns;
	__u64 folded;
	__u64 reported;
	__u64 first_ns;
	__u64 last_ns;
};
_Static_assert(sizeof(struct tapio_fold_slot) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, cgroup_id) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, owner) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, hierarchy) == 12, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, due_ns) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, open_until_ns) == 24, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, folded) == 32, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, reported) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, first_ns) == 48, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_fold_slot, last_ns) == 56, "tapio abi");

struct tapio_container_shape {
	__u32 exit_has_group_dead;
	__u32 victim_is_task;
	__u64 page_bytes;
};
_Static_assert(sizeof(struct tapio_container_shape) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_shape, exit_has_group_dead) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_shape, victim_is_task) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_shape, page_bytes) == 8, "tapio abi");

struct tapio_oom_kill {
	struct tapio_record_header header;
	struct tapio_process_ref victim;
	__u32 uid;
	__s32 oom_score_adj;
	__u32 flags;
	__u64 anon_rss_bytes;
	__u64 file_rss_bytes;
	__u64 shmem_rss_bytes;
	__u64 limit_bytes;
	__u64 usage_bytes;
	struct tapio_cgroup_ref limit_cgroup;
	struct tapio_process_ref trigger;
	__u32 reserved;
};
_Static_assert(sizeof(struct tapio_oom_kill) == 152, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, header) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, victim) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, uid) == 60, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, oom_score_adj) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, flags) == 68, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, anon_rss_bytes) == 72, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, file_rss_bytes) == 80, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, shmem_rss_bytes) == 88, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, limit_bytes) == 96, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, usage_bytes) == 104, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, limit_cgroup) == 112, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, trigger) == 128, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_oom_kill, reserved) == 148, "tapio abi");

struct tapio_abnormal_exit {
	struct tapio_record_header header;
	struct tapio_process_ref process;
	__u32 status;
	__u64 runtime_ns;
	__u32 flags;
	struct tapio_process_ref sender;
	struct tapio_cgroup_ref sender_cgroup;
};
_Static_assert(sizeof(struct tapio_abnormal_exit) == 112, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_abnormal_exit, header) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_abnormal_exit, process) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_abnormal_exit, status) == 60, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_abnormal_exit, runtime_ns) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_abnormal_exit, flags) == 72, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_abnormal_exit, sender) == 76, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_abnormal_exit, sender_cgroup) == 96, "tapio abi");

struct tapio_container_config {
	__u32 generation;
	__u32 enabled;
	__u32 exits;
	__u32 ignored_codes_len;
	__s32 ignored_codes[16];
	struct tapio_fair_share fair_share;
};
_Static_assert(sizeof(struct tapio_container_config) == 96, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_config, generation) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_config, enabled) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_config, exits) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_config, ignored_codes_len) == 12, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_config, ignored_codes) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_config, fair_share) == 80, "tapio abi");

struct tapio_container_control {
	__u32 active;
	__u32 abi_version;
	struct tapio_container_config slots[2];
};
_Static_assert(sizeof(struct tapio_container_control) == 200, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_control, active) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_control, abi_version) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_container_control, slots) == 8, "tapio abi");

struct tapio_network_shape {
	__u32 retransmit_has_error;
};
_Static_assert(sizeof(struct tapio_network_shape) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_shape, retransmit_has_error) == 0, "tapio abi");

struct tapio_connection {
	__u8 local_ip[16];
	__u8 remote_ip[16];
	__u16 local_port;
	__u16 remote_port;
	__u16 family;
	__u16 flags;
	__u32 netns;
	struct tapio_process_ref process;
};
_Static_assert(sizeof(struct tapio_connection) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection, local_ip) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection, remote_ip) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection, local_port) == 32, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection, remote_port) == 34, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection, family) == 36, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection, flags) == 38, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection, netns) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection, process) == 44, "tapio abi");

struct tapio_connection_fact {
	struct tapio_record_header header;
	struct tapio_connection connection;
	__u32 error;
	__u8 old_state;
	__u8 new_state;
	__u8 syn_retries;
	__u8 reserved;
	__u32 count;
	__u32 total_retrans;
	__u32 snd_cwnd;
	__u32 srtt_us;
	__u32 baseline_us;
	__u32 samples;
	__u64 window_end_ns;
};
_Static_assert(sizeof(struct tapio_connection_fact) == 144, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, header) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, connection) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, error) == 104, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, old_state) == 108, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, new_state) == 109, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, syn_retries) == 110, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, reserved) == 111, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, count) == 112, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, total_retrans) == 116, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, snd_cwnd) == 120, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, srtt_us) == 124, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, baseline_us) == 128, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, samples) == 132, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_connection_fact, window_end_ns) == 136, "tapio abi");

struct tapio_network_config {
	__u32 generation;
	__u32 enabled;
	__u32 rtt_ratio;
	__u32 rtt_limit_us;
	__u32 rtt_samples_min;
	__u32 retransmit_count;
	__u64 retransmit_window_ns;
	__u64 refused_window_ns;
	__u32 refused_count_min;
	__u32 reserved;
	struct tapio_fair_share fair_share;
};
_Static_assert(sizeof(struct tapio_network_config) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, generation) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, enabled) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, rtt_ratio) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, rtt_limit_us) == 12, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, rtt_samples_min) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, retransmit_count) == 20, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, retransmit_window_ns) == 24, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, refused_window_ns) == 32, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, refused_count_min) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, reserved) == 44, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_config, fair_share) == 48, "tapio abi");

struct tapio_network_control {
	__u32 active;
	__u32 abi_version;
	struct tapio_network_config slots[2];
};
_Static_assert(sizeof(struct tapio_network_control) == 136, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_control, active) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_control, abi_version) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_network_control, slots) == 8, "tapio abi");

struct tapio_destination {
	__u8 ip[16];
	__u16 port;
	__u16 family;
	__u32 netns;
};
_Static_assert(sizeof(struct tapio_destination) == 24, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_destination, ip) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_destination, port) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_destination, family) == 18, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_destination, netns) == 20, "tapio abi");

struct tapio_destination_slot {
	struct tapio_fold_slot fold;
	struct tapio_destination destination;
	__u64 counted;
	__u64 reserved[4];
};
_Static_assert(sizeof(struct tapio_destination_slot) == 128, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_destination_slot, fold) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_destination_slot, destination) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_destination_slot, counted) == 88, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_destination_slot, reserved) == 96, "tapio abi");

struct tapio_storage_shape {
	__u32 request_at;
	__u32 complete_has_status;
};
_Static_assert(sizeof(struct tapio_storage_shape) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_shape, request_at) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_shape, complete_has_status) == 4, "tapio abi");

struct tapio_request_fact {
	struct tapio_record_header header;
	struct tapio_process_ref process;
	__u32 flags;
	__u64 sector;
	__u32 bytes;
	__u32 status;
	__u32 errno;
	__u32 requeues;
	__u64 latency_ns;
	__u32 op;
	__u32 major;
	__u32 minor;
	__u32 reserved;
	__u8 disk[32];
};
_Static_assert(sizeof(struct tapio_request_fact) == 144, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, header) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, process) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, flags) == 60, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, sector) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, bytes) == 72, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, status) == 76, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, errno) == 80, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, requeues) == 84, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, latency_ns) == 88, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, op) == 96, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, major) == 100, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, minor) == 104, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, reserved) == 108, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_request_fact, disk) == 112, "tapio abi");

struct tapio_storage_config {
	__u32 generation;
	__u32 enabled;
	__u64 warning_ns;
	__u64 critical_ns;
	struct tapio_fair_share fair_share;
};
_Static_assert(sizeof(struct tapio_storage_config) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_config, generation) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_config, enabled) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_config, warning_ns) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_config, critical_ns) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_config, fair_share) == 24, "tapio abi");

struct tapio_storage_control {
	__u32 active;
	__u32 abi_version;
	struct tapio_storage_config slots[2];
};
_Static_assert(sizeof(struct tapio_storage_control) == 88, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_control, active) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_control, abi_version) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_storage_control, slots) == 8, "tapio abi");

struct tapio_cpu_turn {
	struct tapio_record_header header;
	__u32 cpu;
	__u32 flags;
	__u64 cycles;
	__u64 counted;
	__u64 duration_ns;
	__u32 limit;
	__u32 reserved;
};
_Static_assert(sizeof(struct tapio_cpu_turn) == 80, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cpu_turn, header) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cpu_turn, cpu) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cpu_turn, flags) == 44, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cpu_turn, cycles) == 48, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cpu_turn, counted) == 56, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cpu_turn, duration_ns) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cpu_turn, limit) == 72, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cpu_turn, reserved) == 76, "tapio abi");

struct tapio_node_config {
	__u32 generation;
	__u32 enabled;
	__u32 stall_warning_permille;
	__u32 stall_critical_permille;
	__u32 ipc_limit_milli;
	__u32 reserved;
	struct tapio_fair_share fair_share;
};
_Static_assert(sizeof(struct tapio_node_config) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_config, generation) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_config, enabled) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_config, stall_warning_permille) == 8, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_config, stall_critical_permille) == 12, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_config, ipc_limit_milli) == 16, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_config, reserved) == 20, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_config, fair_share) == 24, "tapio abi");

struct tapio_node_control {
	__u32 active;
	__u32 abi_version;
	struct tapio_node_config slots[2];
};
_Static_assert(sizeof(struct tapio_node_control) == 88, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_control, active) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_control, abi_version) == 4, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_node_control, slots) == 8, "tapio abi");

struct tapio_cgroup_name {
	struct tapio_record_header header;
	__u32 path_len;
	__u32 reserved;
	__u8 path[1024];
};
_Static_assert(sizeof(struct tapio_cgroup_name) == 1072, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_name, header) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_name, path_len) == 40, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_name, reserved) == 44, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_name, path) == 48, "tapio abi");

struct tapio_cgroup_losses {
	__u64 names;
	__u64 reserved[7];
};
_Static_assert(sizeof(struct tapio_cgroup_losses) == 64, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_losses, names) == 0, "tapio abi");
_Static_assert(__builtin_offsetof(struct tapio_cgroup_losses, reserved) == 8, "tapio abi");

#endif
