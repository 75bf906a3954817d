//! Where `regcred create` gets a password from: never from an argument or a variable.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use clap::builder::BoolishValueParser;
use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use rustix::process::Signal;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{Failure, say, signals};
use crate::manifest::file_error::FileError;

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
            (asked(language), Bilingual { english: "", chinese: "" })
        };
        let why = match password {
            Ok(password) if !password.is_empty() => return Ok(password),
            Ok(_) => Unfit::Empty.said(),
            Err(why) => why.said(),
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
enum Unfit {
    Unreadable(FileError),
    TooLarge,
    NotUtf8,
    Empty,
    NotGiven,
}

impl<E: Into<io::Error>> From<E> for Unfit {
    fn from(error: E) -> Self {
        Unfit::Unreadable(FileError::System(error.into()))
    }
}

impl Unfit {
    fn said(&self) -> Bilingual<String> {
        let (english, chinese) = match self {
            Unfit::Unreadable(error) => {
                let Bilingual { english, chinese } = error.said();
                return Bilingual {
                    english: format!("the password cannot be read: {english}"),
                    chinese: format!("无法读取密码：{chinese}"),
                };
            }
            Unfit::TooLarge => ("the password is larger than 1 MiB", "密码超过 1 MiB"),
            Unfit::NotUtf8 => {
                ("the password is not UTF-8, so JSON cannot hold it", "密码不是 UTF-8，JSON 无法容纳")
            }
            Unfit::Empty => ("the password is empty", "密码为空"),
            Unfit::NotGiven => ("no password was given", "没有输入密码"),
        };
        Bilingual { english: english.to_owned(), chinese: chinese.to_owned() }
    }
}

/// The password without one line end, and without the byte order mark that some editors write.
fn text(bytes: &[u8], language: Language) -> Result<Zeroizing<String>, Unfit> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unfit::NotUtf8)?;
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

fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Unfit> {
    limited(File::open(path)?)
}

fn limited(source: impl Read) -> Result<Zeroizing<Vec<u8>>, Unfit> {
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 64));
    source.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST {
        return Err(Unfit::TooLarge);
    }
    Ok(bytes)
}

/// Asks for it in the terminal, where nobody sees it. A signal finds the terminal as it was before.
fn asked(language: Language) -> Result<Zeroizing<String>, Unfit> {
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
        // Ctrl-C is read as a character here, and becomes a signal to this process then, which is on its way.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            process::exit(signals::exit_code(Signal::INT))
        }
        // Ctrl-D leaves the cursor behind the prompt.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            writeln!(terminal)?;
            Err(Unfit::NotGiven)
        }
        Err(error) => Err(error.into()),
    }
}
