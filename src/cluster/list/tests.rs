//! Lists that are not sorted by name, as the API server of the other tests never sends them.

use std::convert::Infallible;

use kube::{Client, Config};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::*;

/// A list, and the names of the objects that were returned.
struct Listed {
    runtime: Runtime,
    at: Position,
    taken: Vec<String>,
}

impl Listed {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Listed { runtime, at: Position::default(), taken: Vec::new() }
    }

    fn with_list<T>(&mut self, run: impl FnOnce(&List<'_, '_>, &mut Position, &mut Vec<String>) -> T) -> T {
        let client = {
            let _entered = self.runtime.enter();
            Client::try_from(Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap()
        };
        let (_stop, stopped) = watch::channel(false);
        let server = ApiServer::new(&self.runtime, client, stopped);
        let list = List::new(&server, "");
        run(&list, &mut self.at, &mut self.taken)
    }

    /// Reads a page of these objects, which is interrupted after `whole` of them.
    fn page(&mut self, names: &[&str], whole: usize) -> Result<Page, String> {
        let object = |name: &&str| json!({"metadata": {"namespace": "a", "name": name}}).to_string();
        let mut page =
            format!("{{\"items\":[{}", names.iter().take(whole).map(object).collect::<Vec<_>>().join(","));
        if whole >= names.len() {
            page.push_str("]}");
        }
        self.with_list(|list, at, taken| {
            let mut take = |object: &RawValue| -> Result<(), Infallible> {
                taken.push(serde_json::from_str::<Named>(object.get()).unwrap().metadata.name);
                Ok(())
            };
            list.page(page.as_bytes(), at, &mut take).map_err(why)
        })
    }

    fn broken(&mut self) -> Result<(), String> {
        self.with_list(|list, at, _| list.broken(at)).map_err(|error| why(error.into()))
    }
}

fn why(error: ListError<Infallible>) -> String {
    match error {
        ListError::Call(CallError::Unanswered(why)) => why.english,
        _ => "another error".to_owned(),
    }
}

#[test]
fn every_order_is_read_completely() {
    let mut listed = Listed::new();
    assert!(matches!(listed.page(&["c", "a", "b"], 3), Ok(Page::Whole(None))));
    assert_eq!(listed.taken, ["c", "a", "b"]);
}

#[test]
fn sorted_list_resumes_after_an_interruption() {
    let mut listed = Listed::new();
    assert!(matches!(listed.page(&["a", "b", "c"], 2), Ok(Page::Broken)));
    listed.broken().unwrap();
    assert!(matches!(listed.page(&["a", "b", "c"], 3), Ok(Page::Whole(None))));
    assert_eq!(listed.taken, ["a", "b", "c"]);
}

#[test]
fn unsorted_list_is_not_resumed() {
    let mut listed = Listed::new();
    assert!(matches!(listed.page(&["c", "a", "b"], 2), Ok(Page::Broken)));
    assert!(listed.broken().unwrap_err().contains("cannot be resumed"));

    // Known only after the interruption.
    let mut listed = Listed::new();
    assert!(matches!(listed.page(&["b", "c", "a"], 2), Ok(Page::Broken)));
    listed.broken().unwrap();
    assert!(listed.page(&["b", "c", "d", "a"], 4).err().unwrap().contains("cannot be resumed"));
}
