//! The system's own answers: how wide the terminal is, what the host is called, who holds a lock.

use std::fs::File;
use std::path::Path;

use tapio_common::evidence::word::LOCK_FILE;

/// The columns of standard output, if it is a terminal that says so.
#[cfg(unix)]
pub fn columns() -> Option<usize> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: `size` is a valid winsize to write to, and TIOCGWINSZ writes nothing else.
    let answer = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (answer == 0 && size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(not(unix))]
pub fn columns() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok()
}

/// What an agent of this host calls itself unless told otherwise.
#[cfg(unix)]
pub fn host_name() -> Option<String> {
    let mut name = [0_u8; 256];
    // SAFETY: the buffer is valid for writing, and one byte less than its length is said.
    let answer = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let text = std::ffi::CStr::from_bytes_until_nul(&name).ok()?;
    let text = text.to_str().ok().filter(|text| !text.is_empty())?;
    (answer == 0).then(|| text.to_owned())
}

#[cfg(not(unix))]
pub fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

/// Whether an agent of this machine writes to the directory now. Nothing is locked to find out.
#[cfg(target_os = "linux")]
pub fn is_written_to(directory: &Path) -> bool {
    use std::os::fd::AsRawFd;
    let Ok(file) = File::open(directory.join(LOCK_FILE)) else {
        return false;
    };
    // SAFETY: flock is a plain struct of integers, for which all zeros is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    // Asked for reading, which only a writer's lock stands against.
    lock.l_type = libc::c_short::try_from(libc::F_RDLCK).unwrap_or(0);
    // SAFETY: the descriptor is open and `lock` a valid flock to read and write.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) };
    answer == 0 && i32::from(lock.l_type) != libc::F_UNLCK
}

/// Agents run on Linux: elsewhere a directory is a copy.
#[cfg(not(target_os = "linux"))]
pub fn is_written_to(directory: &Path) -> bool {
    let _ = File::open(directory.join(LOCK_FILE));
    false
}

/// Free and total bytes of the file system a directory is on.
#[cfg(unix)]
pub fn disk_space(directory: &Path) -> Option<(u64, u64)> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(directory.as_os_str().as_bytes()).ok()?;
    // SAFETY: statvfs is a plain struct of integers, for which all zeros is a value.
    let mut about: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends in NUL and `about` is a valid statvfs to write to.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut about) } != 0 {
        return None;
    }
    #[allow(
        clippy::useless_conversion,
        reason = "the types differ between systems"
    )]
    let (free, all, unit) = (
        u64::from(about.f_bavail),
        u64::from(about.f_blocks),
        u64::try_from(about.f_frsize).ok()?,
    );
    Some((free.saturating_mul(unit), all.saturating_mul(unit)))
}

#[cfg(not(unix))]
pub fn disk_space(_directory: &Path) -> Option<(u64, u64)> {
    None
}
