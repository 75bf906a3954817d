//! An image of the program under test: its file, and the libraries that a debug build loads.

use std::process::Command;

use crate::support::regcred::command;

/// The layer of the image, a tar archive with `/regcred`.
#[track_caller]
pub fn layer() -> Vec<u8> {
    let folder = tempfile::Builder::new().prefix("regcred-image-").tempdir().unwrap();
    let program = command().get_program().to_owned();
    // A debug build is ten times as large with its symbols.
    run(Command::new("strip").arg("-o").arg(folder.path().join("regcred")).arg(&program));
    let mut tar = Command::new("tar");
    tar.args(["--create", "--dereference", "--owner=0", "--group=0", "--directory"]).arg(folder.path());
    tar.args(["regcred", "--directory", "/"]).args(libraries(Command::new("ldd").arg(&program)));
    run(&mut tar)
}

/// The files that `ldd` lists, without the leading slash. It fails for a static program, which needs none.
fn libraries(ldd: &mut Command) -> Vec<String> {
    let listed = ldd.output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    listed.split_whitespace().filter_map(|word| word.strip_prefix('/')).map(str::to_owned).collect()
}

#[track_caller]
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
