//! The real programs that the tests run against: `tests/parts/README.md`.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const FILES: &[&str] = &[
    "cert-manager-crds.yaml",
    "consumers",
    "etcd",
    "helm",
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
    "pause",
    "registry",
    #[cfg(target_os = "linux")]
    "containerd",
    #[cfg(target_os = "linux")]
    "containerd-shim-runc-v2",
    #[cfg(target_os = "linux")]
    "ctr",
    #[cfg(target_os = "linux")]
    "kubelet",
];

/// The path of a part, which is built first if it has to be.
#[track_caller]
pub fn part(name: &str) -> PathBuf {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    assert!(FILES.contains(&name), "no part is called {name}");
    match FOLDER.get_or_init(folder) {
        Ok(folder) => folder.join(name),
        Err(why) => panic!("{why}"),
    }
}

fn folder() -> Result<PathBuf, String> {
    let folder = match std::env::var_os("REGCRED_TEST_PARTS") {
        Some(given) => PathBuf::from(given),
        None => build()?,
    };
    let missing: Vec<_> = FILES.iter().copied().filter(|name| !folder.join(name).is_file()).collect();
    if missing.is_empty() {
        fs::canonicalize(&folder).map_err(|error| format!("{}: {error}", folder.display()))
    } else {
        Err(format!("{} lacks {}: tests/parts/README.md", folder.display(), missing.join(", ")))
    }
}

/// The first build takes minutes, so what the script says goes to the terminal while it runs.
fn build() -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts/build");
    let mut child = Command::new(&script)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", script.display()))?;
    let mut stderr = child.stderr.take().ok_or("no pipe")?;
    let talk = std::thread::spawn(move || {
        let mut said = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(size @ 1..) = stderr.read(&mut piece) {
            said.extend_from_slice(&piece[..size]);
            drop(std::io::stderr().write_all(&piece[..size]));
        }
        String::from_utf8_lossy(&said).into_owned()
    });
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let talk = talk.join().map_err(|_| "lost what the script said")?;
    if output.status.success() {
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()))
    } else {
        Err(format!("tests/parts/build: {}\n{talk}", output.status))
    }
}
