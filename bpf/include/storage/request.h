/* SPDX-License-Identifier: GPL-2.0-only */
/* What a request says of itself: its disk, its operation, whether it is the kernel's own business. */
#ifndef TAPIO_STORAGE_REQUEST_H
#define TAPIO_STORAGE_REQUEST_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"

/* The low bits of a request's flags are its operation; from here on it is a driver's own command. */
#define OP_MASK 0xff
#define OP_DRIVER 32

static __always_inline __u32 op_of(const struct request *rq)
{
	return rq->cmd_flags & OP_MASK;
}

/* A command that somebody sent past the block layer, to ask a device what it can do. */
static __always_inline bool is_passthrough(const struct request *rq)
{
	return op_of(rq) >= OP_DRIVER;
}

/*
 * Whether a flush was asked for before or after this request. The flush is a request of its own,
 * and when it is done this one is completed once more, or without ever having been issued. The
 * request's own flags are changed on the way; those of what it was made from are not.
 */
static __always_inline bool has_flush(const struct request *rq)
{
	__u64 before = bpf_core_enum_value(enum req_flag_bits, __REQ_PREFLUSH);
	__u64 after = bpf_core_enum_value(enum req_flag_bits, __REQ_FUA);
	struct bio *bio = rq->bio;

	return bio && (bio->bi_opf >> before & 1 || bio->bi_opf >> after & 1);
}

static __always_inline void fill_disk(struct tapio_request_fact *record, struct request *rq)
{
	struct request___before_5_17 *old = (void *)rq;
	struct gendisk *disk;

	if (bpf_core_field_exists(old->rq_disk))
		disk = BPF_CORE_READ(old, rq_disk);
	else
		disk = BPF_CORE_READ(rq, q, disk);
	record->major = BPF_CORE_READ(disk, major);
	record->minor = BPF_CORE_READ(disk, first_minor);
	bpf_probe_read_kernel_str(record->disk, sizeof(record->disk), &disk->disk_name);
}

/* The cgroup that the next part of a request is charged to, if it is one of the v2 hierarchy. */
static __always_inline struct cgroup *charged_cgroup(struct request *rq)
{
	struct cgroup *cgroup = NULL;
	struct bio *bio = rq->bio;

	if (bio && bpf_core_field_exists(bio->bi_blkg))
		cgroup = BPF_CORE_READ(bio, bi_blkg, blkcg, css.cgroup);
	if (!cgroup || BPF_CORE_READ(cgroup, level) == 0 ||
	    BPF_CORE_READ(cgroup, root, hierarchy_id) != 0)
		return NULL;
	return cgroup;
}

#endif
