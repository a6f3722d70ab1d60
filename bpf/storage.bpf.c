/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to block devices that fail, or that take long.
 *
 * A request is known by its address from the moment it is queued. It may be completed in parts,
 * each with a status of its own, and given back to be issued again; its time runs from the first
 * issue to the completion of its last part. A healthy one leaves no record.
 */
#define RING_BYTES (128 * 1024)

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tapio_abi.h"
#include "observer.h"
#include "storage/request.h"
#include "storage/issued.h"

enum {
	EAGAIN = 11,
	EOPNOTSUPP = 95,
	BLK_STS_NOTSUPP = 1,
	BLK_STS_AGAIN = 12,
};

RECORD(tapio_request_fact);

const volatile struct tapio_storage_shape shape = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tapio_storage_control);
} control SEC(".maps");

static __always_inline const struct tapio_storage_config *config(void)
{
	__u32 only = 0;
	struct tapio_storage_control *both = bpf_map_lookup_elem(&control, &only);
	const struct tapio_storage_config *active;

	if (!both)
		return NULL;
	active = &both->slots[both->active & 1];
	return active->enabled ? active : NULL;
}

/* Both are loads from the context, which the verifier wants to see with constant offsets. */
static __always_inline struct request *request_in(__u64 *ctx)
{
	return (struct request *)(shape.request_at ? ctx[1] : ctx[0]);
}

/* How a part of a request was completed. */
struct completion {
	/* A status, or an errno where the kernel hands over that. */
	__u32 status;
	__u32 bytes;
	__u64 latency_ns;
};

static __always_inline __u32 status_in(__u64 *ctx)
{
	return shape.complete_has_status ? ctx[1] & 0xff : -(int)ctx[1];
}

/* The device said that it cannot do this at all, or the program that it does not want to wait. */
static __always_inline bool is_declined(__u32 status)
{
	if (shape.complete_has_status)
		return status == BLK_STS_NOTSUPP || status == BLK_STS_AGAIN;
	return status == EOPNOTSUPP || status == EAGAIN;
}

static __always_inline bool reaches(__u64 limit_ns, __u64 latency_ns)
{
	return limit_ns && latency_ns >= limit_ns;
}

static __always_inline bool is_slow(const struct tapio_storage_config *config, __u64 latency_ns)
{
	return reaches(config->warning_ns, latency_ns) || reaches(config->critical_ns, latency_ns);
}

static __always_inline void fill_status(struct tapio_request_fact *record, __u32 status)
{
	if (shape.complete_has_status) {
		record->flags |= TAPIO_REQUEST_HAS_STATUS;
		record->status = status;
	} else {
		record->errno = status;
	}
}

static __always_inline void fill_issue(struct tapio_request_fact *record,
				       const struct issued *known, __u64 latency_ns)
{
	record->flags |= TAPIO_REQUEST_ISSUE_SEEN;
	if (known->state & OF_KERNEL)
		record->flags |= TAPIO_REQUEST_OWNER_IS_KERNEL;
	record->process = known->owner;
	record->requeues = known->requeues;
	record->latency_ns = latency_ns;
}

/*
 * Something of the catalogue is true of a request, under this config; nothing of this is paid by a
 * healthy one.
 */
static __noinline void report(struct request *rq, const struct issued *known, __u32 type,
			      const struct completion *completion,
			      const struct tapio_storage_config *active)
{
	struct tapio_counter_row *row = counter_row();
	struct tapio_record_header header = {};
	struct tapio_request_fact *record;
	__u32 flags = 0;

	if (!row)
		return;
	header.kind = type == TAPIO_TYPE_IO_ERROR ? TAPIO_RECORD_IO_ERROR
						  : TAPIO_RECORD_LATENCY_SPIKE;
	header.abi_version = TAPIO_ABI_VERSION;
	header.generation = active->generation;
	header.boot_ns = bpf_ktime_get_boot_ns();
	find_cgroup(&header.cgroup, rq, known, &flags);
	record = admit(&active->fair_share, type, header, sizeof(*record), row);
	if (!record)
		return;
	record->flags = flags;
	record->op = op_of(rq);
	record->sector = rq->__sector;
	record->bytes = completion->bytes;
	fill_disk(record, rq);
	fill_status(record, completion->status);
	if (known)
		fill_issue(record, known, completion->latency_ns);
	if (known && type == TAPIO_TYPE_LATENCY_SPIKE) {
		record->sector = known->sector;
		record->bytes = known->bytes;
		if (reaches(active->critical_ns, completion->latency_ns))
			record->flags |= TAPIO_REQUEST_CRITICAL;
	}
	submit(record, type, row);
}

/* An unsuccessful part. What a flush did to the request behind it was told of the flush. */
static __always_inline void end_unsuccessfully(struct request *rq, const struct issued *known,
					       const struct completion *completion,
					       const struct tapio_storage_config *active,
					       struct tapio_counter_row *row)
{
	COUNT(row->types[TAPIO_TYPE_IO_ERROR].seen);
	if (is_declined(completion->status) || is_passthrough(rq) || (!known && has_flush(rq)))
		COUNT(row->types[TAPIO_TYPE_IO_ERROR].filtered);
	else
		report(rq, known, TAPIO_TYPE_IO_ERROR, completion, active);
}

static __always_inline void end_slowly(struct request *rq, const struct issued *known,
				       const struct completion *completion,
				       const struct tapio_storage_config *active,
				       struct tapio_counter_row *row)
{
	COUNT(row->types[TAPIO_TYPE_LATENCY_SPIKE].seen);
	if (is_passthrough(rq))
		COUNT(row->types[TAPIO_TYPE_LATENCY_SPIKE].filtered);
	else
		report(rq, known, TAPIO_TYPE_LATENCY_SPIKE, completion, active);
}

/* How long it took cannot be said: it was issued before this looked, or its entry had to go. */
static __always_inline void end_unknown(const struct tapio_storage_config *active,
					const struct request *rq, struct tapio_counter_row *row)
{
	if (is_passthrough(rq) || has_flush(rq) || (!active->warning_ns && !active->critical_ns))
		return;
	COUNT(row->types[TAPIO_TYPE_LATENCY_SPIKE].seen);
	COUNT(row->types[TAPIO_TYPE_LATENCY_SPIKE].ambiguous);
}

static __always_inline void complete(struct request *rq, const struct issued *known,
				     struct completion *completion, bool is_last)
{
	const struct tapio_storage_config *active = config();
	struct tapio_counter_row *row;

	if (!active)
		return;
	if (known)
		completion->latency_ns = bpf_ktime_get_boot_ns() - known->boot_ns;
	if (known && !completion->status && !(is_last && is_slow(active, completion->latency_ns)))
		return;
	row = counter_row();
	if (!row)
		return;
	if (completion->status)
		end_unsuccessfully(rq, known, completion, active, row);
	if (!is_last)
		return;
	if (!known)
		end_unknown(active, rq, row);
	else if (is_slow(active, completion->latency_ns))
		end_slowly(rq, known, completion, active, row);
}

/* Given back to the queue it is inserted again, by a thread of the kernel; it stays whose it was. */
SEC("tp_btf/block_rq_insert")
int block_rq_insert(__u64 *ctx)
{
	struct request *rq = request_in(ctx);
	struct issued *known = issued_at(rq);

	/* Without a mark nothing but its issue tells this use of the request from the one before. */
	if (!is_of(known, rq) || (!known->mark && !known->boot_ns))
		begin(rq, known);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int block_rq_issue(__u64 *ctx)
{
	struct request *rq = request_in(ctx);
	struct issued *known = issued_at(rq);

	if (!is_of(known, rq))
		known = begin(rq, known);
	if (!known)
		return 0;
	if (known->boot_ns) {
		known->requeues++;
		return 0;
	}
	known->sector = rq->__sector;
	known->bytes = rq->__data_len;
	known->boot_ns = bpf_ktime_get_boot_ns();
	return 0;
}

SEC("tp_btf/block_rq_complete")
int block_rq_complete(__u64 *ctx)
{
	struct request *rq = (struct request *)ctx[0];
	struct completion completion = { .status = status_in(ctx), .bytes = ctx[2] };
	bool is_last = completion.bytes >= rq->__data_len;
	struct issued *entry = issued_at(rq);

	complete(rq, is_of(entry, rq) && entry->boot_ns ? entry : NULL, &completion, is_last);
	/* Also of one that was queued and never issued: its address is used again, by somebody else. */
	if (entry && is_last) {
		entry->boot_ns = 0;
		entry->state = 0;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
