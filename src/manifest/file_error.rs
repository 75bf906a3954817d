//! Why a file is not read or written.

use std::io;
use std::path::Path;

use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

/// Why a file is not read or written. It may hold credentials: there is no `Debug`.
pub enum FileError {
    /// The system says no.
    System(io::Error),
    /// It is no file, so nothing can take its place.
    NoFile,
    /// It is larger than any manifest; this was read of it.
    TooLarge(Zeroizing<Vec<u8>>),
    /// It is not any more what was read.
    Changed,
    /// It is a link, and what it leads to does not exist.
    DanglingLink,
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        FileError::System(error)
    }
}

impl FileError {
    /// Why this path cannot be read. Of a link the system says only that there is no such file.
    #[must_use]
    pub fn of_path(path: &Path, error: io::Error) -> Self {
        let is_link = || path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if error.kind() == io::ErrorKind::NotFound && is_link() {
            FileError::DanglingLink
        } else {
            FileError::System(error)
        }
    }

    /// Says so, without the name of the file.
    #[must_use]
    pub fn said(&self) -> Bilingual<String> {
        let (english, chinese) = match self {
            FileError::System(error) => {
                let english = error.to_string();
                // The system speaks English; what it says most is said in Chinese, too.
                let chinese = match error.kind() {
                    io::ErrorKind::NotFound => "没有这个文件或目录".to_owned(),
                    io::ErrorKind::PermissionDenied => "没有权限".to_owned(),
                    _ => format!("系统报告：{error}"),
                };
                return Bilingual { english, chinese };
            }
            FileError::NoFile => (
                "only a file can be repaired, and this is a pipe or a device; standard input is `-`",
                "只有文件可以修复，而这是管道或设备；标准输入请写作 `-`",
            ),
            FileError::TooLarge(_) => ("larger than 64 MiB", "超过 64 MiB"),
            FileError::DanglingLink => (
                "this is a link, and the file that it leads to does not exist",
                "这是一个链接，它指向的文件不存在",
            ),
            FileError::Changed => {
                ("it was changed by somebody else in the meantime", "该文件在此期间已被他人修改")
            }
        };
        Bilingual { english: english.to_owned(), chinese: chinese.to_owned() }
    }
}
