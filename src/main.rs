//! The program: everything is in the library.

use std::process::ExitCode;

/// musl's own allocator costs two thirds of the throughput; glibc's is as good as any.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    regcred::cli::main()
}
