//! Finds out which revision is being built: `REGCRED_REVISION` (image builds set it), else git's HEAD, else `unknown`.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=REGCRED_REVISION");
    let given = env::var("REGCRED_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = given.or_else(from_git).unwrap_or_else(|| "unknown".to_owned());
    // As long as git abbreviates it in a repository of this size.
    let revision: String = revision.chars().take(12).collect();
    println!("cargo::rustc-env=REGCRED_REVISION={revision}");
}

fn from_git() -> Option<String> {
    // An archive of the source may lie within another repository, whose revision says nothing about it.
    if !Path::new(".git").exists() {
        return None;
    }
    // HEAD names a branch, and the branch's file the commit; after `git gc` it is in packed-refs. Cargo would rebuild each
    // time for a file that does not exist.
    for name in ["HEAD", "packed-refs"].map(str::to_owned).into_iter().chain(git(&["symbolic-ref", "HEAD"])) {
        if let Some(file) = git(&["rev-parse", "--git-path", &name]).filter(|file| Path::new(file).exists()) {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}
