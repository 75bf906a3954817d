//! The program: everything is in the library.

use std::process::ExitCode;

/// musl's own allocator takes a lock for every allocation of every thread; glibc's is as good as any.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    regcred::cli::main()
}
