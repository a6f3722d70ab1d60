//! The kernel tests: every fact is caused for real and expected exactly once, with every field right.
//!
//! They drive the agent's binary from outside, each fact in a cgroup of the test's own, and compare
//! with what the kernel says elsewhere: wait statuses, /proc, the cgroup's files, the kernel's log. The
//! same binary runs on the host (`scripts/kernel-tests`) and in guests (`scripts/vm`). Nothing here
//! decides that it need not run: the runners do, and say so.

mod cgroup;
mod chaos;
mod deaths;
mod exchange;
mod exits;
mod floods;
mod health;
mod kept;
mod led;
mod lifecycle;
mod managed;
mod naming;
mod network;
mod node;
mod oom;
mod oracle;
mod pages;
mod podman;
mod programs;
mod receivers;
mod scene;
mod scope;
mod senders;
mod steered;
mod storage;

const OOM_KILL: &str = "kernel.container.oom_kill";
const ABNORMAL_EXIT: &str = "kernel.container.abnormal_exit";
