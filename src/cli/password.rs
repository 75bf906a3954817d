//! Where `regcred create` gets a password from: never from an argument or a variable.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::process;

use clap::builder::BoolishValueParser;
use rustix::process::Signal;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{Failure, signals};

/// No password is longer; a document may be no larger.
const LONGEST: usize = 1 << 20;

/// The flags that say where the password is.
#[derive(Debug, clap::Args)]
pub(crate) struct PasswordSource {
    /// Read the password from standard input; a line end behind it does not count
    #[arg(
        long,
        env = "REGCRED_PASSWORD_STDIN",
        hide_env_values = true,
        value_parser = BoolishValueParser::new(),
        conflicts_with = "password_file"
    )]
    password_stdin: bool,

    /// Read the password from a file; a line end behind it does not count
    #[arg(long, env = "REGCRED_PASSWORD_FILE", hide_env_values = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// Whether there is somewhere to read a password from.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.password_stdin || self.password_file.is_some() || io::stdin().is_terminal() {
            return Ok(());
        }
        Err(Failure("where is the password? Give --password-stdin or --password-file; it is asked for in a terminal only".to_owned()))
    }

    /// Reads the password. What is said of its file does not name it: somebody may give the password in its place.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, Failure> {
        let (bytes, whence) = if self.password_stdin {
            (limited(io::stdin().lock()), "standard input")
        } else if let Some(path) = &self.password_file {
            (file(path), "--password-file")
        } else {
            return asked();
        };
        let bytes =
            bytes.map_err(|error| Failure(format!("{whence}: the password cannot be read: {error}")))?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Failure(format!("{whence}: the password is not UTF-8, so JSON cannot hold it")))?;
        let line_end = ["\r\n", "\n", "\r"].into_iter().find_map(|end| text.strip_suffix(end));
        not_empty(Zeroizing::new(line_end.unwrap_or(text).to_owned()))
    }
}

fn file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    limited(File::open(path)?)
}

fn limited(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 64));
    source.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(bytes)
}

/// Asks for it in the terminal, where nobody sees it. A signal finds the terminal as it was before.
fn asked() -> Result<Zeroizing<String>, Failure> {
    let refused = |error: io::Error| Failure(format!("the password cannot be asked for: {error}"));
    let terminal = File::open("/dev/tty").map_err(refused)?;
    let modes = tcgetattr(&terminal).map_err(|error| refused(error.into()))?;
    signals::before_the_end(move || tcsetattr(&terminal, OptionalActions::Now, &modes))?;
    match rpassword::prompt_password("Password: ") {
        Ok(password) => not_empty(Zeroizing::new(password)),
        // Ctrl-C is read as a character here, and becomes a signal to this process then, which is on its way.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            process::exit(signals::exit_code(Signal::INT))
        }
        Err(error) => Err(refused(error)),
    }
}

fn not_empty(password: Zeroizing<String>) -> Result<Zeroizing<String>, Failure> {
    if password.is_empty() { Err(Failure("the password is empty".to_owned())) } else { Ok(password) }
}
