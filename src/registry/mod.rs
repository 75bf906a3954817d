//! The registry client of `regcred verify`: whether credentials log in, and may pull. Nothing on the admission path uses it.
//!
//! [`Verifier`] asks the questions. Requests go one way: [`login`] and [`pull`] make them, [`token`] and [`realm`] find out where
//! credentials may be sent, [`exchange`] sends one, and [`connect`] makes the connection, where [`address`] has the last word.

mod address;
mod attempts;
mod challenge;
mod connect;
mod credential;
mod entry;
mod exchange;
mod image;
mod login;
mod outcome;
mod pull;
mod realm;
mod said;
mod site;
mod state;
mod token;
mod vendor;
mod verification;
mod verifier;
mod words;

pub use attempts::Attempts;
pub use credential::Credential;
pub use entry::{LoginEntries, LoginEntry, MAX_ENTRIES, MAX_IMAGES, UnreadableDocument, login_entries};
pub use image::PullImage;
pub use outcome::VerifyOutcome;
pub use site::NamedHosts;
pub use verification::Verification;
pub use verifier::{Verifier, VerifierError, VerifyOptions};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use walkdir::WalkDir;

    #[test]
    fn nothing_on_the_admission_path_asks_registries() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for folder in ["server", "admission"] {
            let files: Vec<_> = WalkDir::new(source.join(folder))
                .into_iter()
                .map(Result::unwrap)
                .filter(|entry| entry.file_type().is_file())
                .collect();
            assert!(files.len() > 5, "{folder}");
            for file in files {
                let text = fs::read_to_string(file.path()).unwrap();
                assert!(!text.contains("crate::registry"), "{}", file.path().display());
            }
        }
    }
}
