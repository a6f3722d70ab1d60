//! Copying bytes, in place of musl's memcpy and memmove on x86-64.
//!
//! musl's begin with a string instruction, which takes longer to start than most of our copies
//! take to finish: a line of JSON is some thirty pieces of 5 to 40 bytes. These load a piece whole
//! before they store it, so one routine serves both names, and both must be replaced together:
//! musl's memmove jumps into its memcpy. Assembly, because a compiler turns a loop that copies into
//! a call of memcpy. musl's own for arm64 are good.

use std::arch::global_asm;

global_asm!(
    ".section .text.tapio_copy,\"ax\",@progbits",
    ".globl tapio_copy",
    ".type tapio_copy,@function",
    ".p2align 4",
    // rdi: to, rsi: from, rdx: bytes; rax answers `to`. Pieces overlap where the size is odd.
    "tapio_copy:",
    "    mov rax, rdi",
    "    cmp rdx, 16",
    "    jb 5f",
    "    cmp rdx, 32",
    "    ja 2f",
    "    movups xmm0, [rsi]",
    "    movups xmm1, [rsi + rdx - 16]",
    "    movups [rdi], xmm0",
    "    movups [rdi + rdx - 16], xmm1",
    "    ret",
    // 33 bytes and more: the first 32 and the last 32.
    "2:  cmp rdx, 128",
    "    ja 7f",
    "    movups xmm0, [rsi]",
    "    movups xmm1, [rsi + 16]",
    "    movups xmm2, [rsi + rdx - 32]",
    "    movups xmm3, [rsi + rdx - 16]",
    "    cmp rdx, 64",
    "    jbe 3f",
    "    movups xmm4, [rsi + 32]",
    "    movups xmm5, [rsi + 48]",
    "    movups xmm6, [rsi + rdx - 64]",
    "    movups xmm7, [rsi + rdx - 48]",
    "    movups [rdi + 32], xmm4",
    "    movups [rdi + 48], xmm5",
    "    movups [rdi + rdx - 64], xmm6",
    "    movups [rdi + rdx - 48], xmm7",
    "3:  movups [rdi], xmm0",
    "    movups [rdi + 16], xmm1",
    "    movups [rdi + rdx - 32], xmm2",
    "    movups [rdi + rdx - 16], xmm3",
    "4:  ret",
    // Below 16: two of eight, two of four, or the first, the middle and the last byte.
    "5:  cmp rdx, 8",
    "    jb 6f",
    "    mov rcx, [rsi]",
    "    mov r8, [rsi + rdx - 8]",
    "    mov [rdi], rcx",
    "    mov [rdi + rdx - 8], r8",
    "    ret",
    "6:  cmp rdx, 4",
    "    jb 66f",
    "    mov ecx, [rsi]",
    "    mov r8d, [rsi + rdx - 4]",
    "    mov [rdi], ecx",
    "    mov [rdi + rdx - 4], r8d",
    "    ret",
    "66: test rdx, rdx",
    "    jz 4b",
    "    mov r10, rdx",
    "    shr r10",
    "    movzx ecx, byte ptr [rsi]",
    "    movzx r9d, byte ptr [rsi + r10]",
    "    movzx r8d, byte ptr [rsi + rdx - 1]",
    "    mov [rdi], cl",
    "    mov [rdi + r10], r9b",
    "    mov [rdi + rdx - 1], r8b",
    "    ret",
    // More than 128: from the end if `to` lies within the source, else from the beginning.
    "7:  mov rcx, rdi",
    "    sub rcx, rsi",
    "    cmp rcx, rdx",
    "    jb 9f",
    "    cmp rdx, 2048",
    "    jae 77f",
    "75: movups xmm4, [rsi + rdx - 64]",
    "    movups xmm5, [rsi + rdx - 48]",
    "    movups xmm6, [rsi + rdx - 32]",
    "    movups xmm7, [rsi + rdx - 16]",
    "    lea r8, [rdi + rdx - 64]",
    "8:  movups xmm0, [rsi]",
    "    movups xmm1, [rsi + 16]",
    "    movups xmm2, [rsi + 32]",
    "    movups xmm3, [rsi + 48]",
    "    add rsi, 64",
    "    movups [rdi], xmm0",
    "    movups [rdi + 16], xmm1",
    "    movups [rdi + 32], xmm2",
    "    movups [rdi + 48], xmm3",
    "    add rdi, 64",
    "    cmp rdi, r8",
    "    jb 8b",
    "    movups [r8], xmm4",
    "    movups [r8 + 16], xmm5",
    "    movups [r8 + 32], xmm6",
    "    movups [r8 + 48], xmm7",
    "    ret",
    // The string instruction, where it pays; never where the two lie close, where it crawls.
    "77: neg rcx",
    "    cmp rcx, 64",
    "    jb 75b",
    "    mov rcx, rdx",
    "    rep movsb",
    "    ret",
    "9:  test rcx, rcx",
    "    jz 4b",
    "    movups xmm4, [rsi]",
    "    movups xmm5, [rsi + 16]",
    "    movups xmm6, [rsi + 32]",
    "    movups xmm7, [rsi + 48]",
    "99: movups xmm0, [rsi + rdx - 16]",
    "    movups xmm1, [rsi + rdx - 32]",
    "    movups xmm2, [rsi + rdx - 48]",
    "    movups xmm3, [rsi + rdx - 64]",
    "    movups [rdi + rdx - 16], xmm0",
    "    movups [rdi + rdx - 32], xmm1",
    "    movups [rdi + rdx - 48], xmm2",
    "    movups [rdi + rdx - 64], xmm3",
    "    sub rdx, 64",
    "    cmp rdx, 64",
    "    ja 99b",
    "    movups [rdi], xmm4",
    "    movups [rdi + 16], xmm5",
    "    movups [rdi + 32], xmm6",
    "    movups [rdi + 48], xmm7",
    "    ret",
    ".size tapio_copy, . - tapio_copy",
);

#[cfg(target_env = "musl")]
global_asm!(
    ".globl memcpy",
    ".set memcpy, tapio_copy",
    ".globl memmove",
    ".set memmove, tapio_copy",
);

#[cfg(test)]
mod tests {
    use std::ffi::c_void;

    unsafe extern "C" {
        fn tapio_copy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
    }

    /// Sizes at and beside every branch, and all the short ones.
    fn sizes() -> impl Iterator<Item = usize> {
        (0..=300).chain([511, 512, 1_000, 2_046, 2_047, 2_048, 2_049, 5_000])
    }

    /// A field of bytes that differ, with room on both sides of what is copied.
    fn field(bytes: usize) -> Vec<u8> {
        (0..bytes)
            .map(|at| (at * 31 % 251).to_le_bytes()[0])
            .collect()
    }

    fn copy_within(field: &mut [u8], from: usize, to: usize, bytes: usize) {
        assert!(from + bytes <= field.len() && to + bytes <= field.len());
        let start = field.as_mut_ptr();
        // SAFETY: both ranges were just checked to be inside the field.
        let answer = unsafe { tapio_copy(start.add(to).cast(), start.add(from).cast(), bytes) };
        // SAFETY: as above.
        assert_eq!(answer, unsafe { start.add(to) }.cast());
    }

    #[test]
    fn pieces_that_lie_apart_are_copied_and_nothing_else_is_touched() {
        for bytes in sizes() {
            for (from, to) in [(3, bytes + 80), (bytes + 67, 5)] {
                let mut ours = field(2 * bytes + 200);
                let mut wanted = ours.clone();
                wanted.copy_within(from..from + bytes, to);
                copy_within(&mut ours, from, to, bytes);
                assert!(ours == wanted, "{bytes} bytes from {from} to {to}");
            }
        }
    }

    #[test]
    fn pieces_that_overlap_arrive_whole_at_every_distance() {
        for bytes in sizes() {
            for distance in (0..=70).chain([127, 128, 129, 200]) {
                for (from, to) in [(16, 16 + distance), (16 + distance, 16)] {
                    let mut ours = field(bytes + distance + 48);
                    let mut wanted = ours.clone();
                    wanted.copy_within(from..from + bytes, to);
                    copy_within(&mut ours, from, to, bytes);
                    assert!(ours == wanted, "{bytes} bytes from {from} to {to}");
                }
            }
        }
    }
}
