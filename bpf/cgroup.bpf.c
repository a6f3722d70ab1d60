/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of cgroups: id and path when one is made, the id again when it goes. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "abi.h"
#include "tapio_abi.h"
#include "cgroup.h"

#define RING_BYTES (128 * 1024)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tapio_cgroup_losses);
} losses SEC(".maps");

/* A path is too long for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tapio_cgroup_name);
} scratch SEC(".maps");

static __always_inline void count_lost(void)
{
	__u32 only = 0;
	struct tapio_cgroup_losses *lost = bpf_map_lookup_elem(&losses, &only);

	if (lost)
		__sync_fetch_and_add(&lost->names, 1);
}

/*
 * Nobody is woken for a name: who looks for one reads the ring first. Only when it is half full
 * is its reader called.
 */
static __always_inline void send(struct tapio_cgroup_name *name, __u64 size)
{
	__u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	__u64 flags = waiting > RING_BYTES / 2 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	if (bpf_ringbuf_output(&ring, name, size, flags))
		count_lost();
}

static __always_inline struct tapio_cgroup_name *begin(struct cgroup *cgroup, __u16 kind)
{
	__u32 only = 0;
	struct tapio_cgroup_name *name = bpf_map_lookup_elem(&scratch, &only);

	if (!name)
		return NULL;
	__builtin_memset(&name->header, 0, sizeof(name->header));
	name->header.kind = kind;
	name->header.abi_version = TAPIO_ABI_VERSION;
	name->header.boot_ns = bpf_ktime_get_boot_ns();
	refer_to(&name->header.cgroup, cgroup);
	name->path_len = 0;
	name->reserved = 0;
	return name->header.cgroup.hierarchy ? name : NULL;
}

SEC("tp_btf/cgroup_mkdir")
int cgroup_mkdir(__u64 *ctx)
{
	struct tapio_cgroup_name *name = begin((struct cgroup *)ctx[0], TAPIO_RECORD_CGROUP_MADE);
	__u64 size = __builtin_offsetof(struct tapio_cgroup_name, path);
	long len;

	if (!name)
		return 0;
	len = bpf_probe_read_kernel_str(name->path, TAPIO_CGROUP_PATH_LEN, (void *)ctx[1]);
	/* The kernel's own room is as long, and it cuts what does not fit: such a name is another's. */
	if (len < 0 || len >= TAPIO_CGROUP_PATH_LEN) {
		count_lost();
		return 0;
	}
	name->path_len = len;
	send(name, size + len);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int cgroup_rmdir(__u64 *ctx)
{
	struct tapio_cgroup_name *name = begin((struct cgroup *)ctx[0], TAPIO_RECORD_CGROUP_GONE);

	if (name)
		send(name, __builtin_offsetof(struct tapio_cgroup_name, path));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
