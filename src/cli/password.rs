//! The sources of a password for `regcred create`: never an argument or a variable.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use rustix::process::Signal;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{Failure, say, signals};
use crate::manifest::file_error::InputError;

/// The longest password, in bytes. A Secret cannot hold more.
const MAX_PASSWORD_BYTES: usize = 1 << 20;

/// The flags for the source of the password.
#[derive(Debug, clap::Args)]
pub(crate) struct PasswordSource {
    /// Read the password from standard input, without the line break at its end
    #[arg(long, conflicts_with = "password_file")]
    password_stdin: bool,

    /// Read the password from a file, without the line break at its end
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// Checks that there is a source.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.password_stdin || self.password_file.is_some() || io::stdin().is_terminal() {
            return Ok(());
        }
        Err(Failure(
            "no password: use --password-stdin or --password-file (prompting needs a terminal)".to_owned(),
        ))
    }

    /// Reads the password. Errors do not name the file, because someone may pass the password in its place.
    pub(crate) fn read(&self, language: Language) -> Result<Zeroizing<String>, Failure> {
        let (password, whence) = if self.password_stdin {
            let whence = Bilingual { english: "standard input: ", chinese: "标准输入：" };
            (limited(io::stdin().lock()).and_then(|bytes| text(&bytes, language)), whence)
        } else if let Some(path) = &self.password_file {
            (
                file(path).and_then(|bytes| text(&bytes, language)),
                Bilingual { english: "--password-file: ", chinese: "--password-file：" },
            )
        } else {
            (prompted(language), Bilingual { english: "", chinese: "" })
        };
        let why = match password {
            Ok(password) if !password.is_empty() => return Ok(password),
            Ok(_) => PasswordError::Empty.message(),
            Err(why) => why.message(),
        };
        let english = whence.english.to_owned() + &why.english;
        let chinese = whence.chinese.to_owned() + &why.chinese;
        Err(Failure(Bilingual { english, chinese }.into_line(language)))
    }
}

const BYTE_ORDER_MARK: Bilingual<&str> = Bilingual {
    english: "the password began with a byte order mark (U+FEFF), which was left out",
    chinese: "密码开头有字节顺序标记（U+FEFF），已去除",
};

/// Why there is no password.
enum PasswordError {
    Unreadable(InputError),
    TooLarge,
    NotUtf8,
    Empty,
    NotGiven,
}

impl<E: Into<io::Error>> From<E> for PasswordError {
    fn from(error: E) -> Self {
        PasswordError::Unreadable(InputError::System(error.into()))
    }
}

impl PasswordError {
    fn message(&self) -> Bilingual<String> {
        let (english, chinese) = match self {
            PasswordError::Unreadable(error) => {
                let Bilingual { english, chinese } = error.message();
                return Bilingual {
                    english: format!("cannot read the password: {english}"),
                    chinese: format!("无法读取密码：{chinese}"),
                };
            }
            PasswordError::TooLarge => ("the password is larger than 1 MiB", "密码超过 1 MiB"),
            PasswordError::NotUtf8 => {
                ("the password is not UTF-8, which JSON requires", "密码不是 UTF-8，JSON 无法容纳")
            }
            PasswordError::Empty => ("the password is empty", "密码为空"),
            PasswordError::NotGiven => ("no password was given", "没有输入密码"),
        };
        Bilingual { english: english.to_owned(), chinese: chinese.to_owned() }
    }
}

/// The password without one line end, and without the byte order mark that some editors write.
fn text(bytes: &[u8], language: Language) -> Result<Zeroizing<String>, PasswordError> {
    let text = std::str::from_utf8(bytes).map_err(|_| PasswordError::NotUtf8)?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(text) => {
            say(format_args!("Note: {}", BYTE_ORDER_MARK.line(language)));
            text
        }
        None => text,
    };
    let line_end = ["\r\n", "\n", "\r"].into_iter().find_map(|end| text.strip_suffix(end));
    Ok(Zeroizing::new(line_end.unwrap_or(text).to_owned()))
}

fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    limited(File::open(path)?)
}

fn limited(source: impl Read) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    // Allocated at once: a buffer that grows leaves copies in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD_BYTES + 64));
    source.take(MAX_PASSWORD_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordError::TooLarge);
    }
    Ok(bytes)
}

/// Prompts for the password without showing it. A signal restores the mode of the terminal.
fn prompted(language: Language) -> Result<Zeroizing<String>, PasswordError> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let modes = tcgetattr(&terminal)?;
    let to_restore = terminal.try_clone()?;
    signals::at_each(move |signal| {
        let _ = tcsetattr(&to_restore, OptionalActions::Now, &modes);
        process::exit(signals::exit_code(signal))
    })?;
    let prompt = Bilingual { english: "Password", chinese: "密码" }.line(language) + ": ";
    match rpassword::prompt_password(prompt) {
        Ok(password) => Ok(Zeroizing::new(password)),
        // Ctrl-C is read as a character here. rpassword then sends the signal, which is on its way.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            process::exit(signals::exit_code(Signal::INT))
        }
        // Ctrl-D leaves the cursor after the prompt.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            writeln!(terminal)?;
            Err(PasswordError::NotGiven)
        }
        Err(error) => Err(error.into()),
    }
}
