//! The program: everything is in the library.

use std::process::ExitCode;

/// On every target: with glibc's allocator a repair takes 40 % more processor time, and musl's takes a lock for each
/// allocation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    regcred::cli::main()
}
