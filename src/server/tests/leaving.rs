//! Connections on which nothing runs when the server stops, and a request is on its way.

use super::*;

/// The next answer on this connection is a decision. Its header.
async fn is_answered(stream: &mut Stream) -> String {
    let head = head(stream).await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).await.unwrap();
    head
}

impl Running {
    async fn tell_to_stop(&self) {
        self.signals.send(()).await.unwrap();
        self.wait_until("the end of accepting", |running| *running.shared.phase.borrow() == Phase::Stopping)
            .await;
    }
}

#[test]
fn on_an_idle_connection_what_crosses_its_end_is_to_be_sent_again() {
    let limits = Limits { fresh: Duration::ZERO, ..Limits::default() };
    with_server("crossing", crate::admission::review, limits, async |running| {
        let mut used = running.ask(0).await;
        is_answered(&mut used).await;
        let spare = running.connect().await;
        running.tell_to_stop().await;
        for mut idle in [used, spare] {
            ask_on(&mut idle, 0).await;
            let head = head(&mut idle).await;
            assert!(head.starts_with("http/1.1 503 "), "{head}");
            assert!(head.contains("retry-after: 0\r\n") && head.contains("connection: close\r\n"), "{head}");
            closes(&mut idle).await;
        }
        assert_eq!(running.ended().await, (Ended::Finished, 1));
    });
}

#[test]
fn on_a_new_connection_the_request_it_was_made_for_is_answered() {
    let limits = Limits { fresh: PATIENCE, ..Limits::default() };
    with_server("fresh", crate::admission::review, limits, async |running| {
        let mut new = running.connect().await;
        running.tell_to_stop().await;
        ask_on(&mut new, 0).await;
        let head = is_answered(&mut new).await;
        assert!(head.contains("connection: close\r\n"), "{head}");
        closes(&mut new).await;
        assert_eq!(running.ended().await, (Ended::Finished, 1));
    });
}
