//! Why a file cannot be read or written.

use std::io;
use std::path::Path;

use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

/// Why a file cannot be read or written. It can contain credentials: there is no `Debug`.
pub enum InputError {
    /// The operating system reported an error.
    System(io::Error),
    /// It is not a regular file, so it cannot be replaced.
    NotAFile,
    /// It is larger than any manifest. These bytes were read.
    TooLarge(Zeroizing<Vec<u8>>),
    /// It was changed after it was read.
    Changed,
    /// It is a link to a file that does not exist.
    DanglingLink,
}

impl From<io::Error> for InputError {
    fn from(error: io::Error) -> Self {
        InputError::System(error)
    }
}

impl InputError {
    /// Returns why this path cannot be read. For a link, the system only says that there is no such file.
    #[must_use]
    pub fn of_path(path: &Path, error: io::Error) -> Self {
        let is_link = || path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if error.kind() == io::ErrorKind::NotFound && is_link() {
            InputError::DanglingLink
        } else {
            InputError::System(error)
        }
    }

    /// Returns the reason, without the name of the file.
    #[must_use]
    pub fn message(&self) -> Bilingual<String> {
        let (english, chinese) = match self {
            InputError::System(error) => {
                let english = error.to_string();
                // The system's text is English. The most frequent ones are translated.
                let chinese = match error.kind() {
                    io::ErrorKind::NotFound => "没有这个文件或目录".to_owned(),
                    io::ErrorKind::PermissionDenied => "没有权限".to_owned(),
                    _ => format!("系统报告：{error}"),
                };
                return Bilingual { english, chinese };
            }
            InputError::NotAFile => (
                "this is a pipe or a device, and only a regular file can be repaired; use `-` for standard input",
                "这是管道或设备，而只有普通文件可以修复；标准输入请写作 `-`",
            ),
            InputError::TooLarge(_) => ("larger than 64 MiB", "超过 64 MiB"),
            InputError::DanglingLink => (
                "this is a link, and the file that it leads to does not exist",
                "这是一个链接，它指向的文件不存在",
            ),
            InputError::Changed => {
                ("another program changed it in the meantime", "该文件在此期间已被其他程序修改")
            }
        };
        Bilingual { english: english.to_owned(), chinese: chinese.to_owned() }
    }
}
