//! Connections without a request when the server stops or evicts them, while one is on its way.

use super::*;

/// The next answer on this connection is a decision. Returns its header.
pub(super) async fn is_answered(stream: &mut Stream) -> String {
    let head = head(stream).await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).await.unwrap();
    head
}

/// The next answer on this connection is the farewell, then the server closes it.
pub(super) async fn is_farewell(stream: &mut Stream) {
    let head = head(stream).await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert!(head.contains("retry-after: 0\r\n") && head.contains("connection: close\r\n"), "{head}");
    closes(stream).await;
}

impl Running {
    async fn tell_to_stop(&self) {
        self.signals.send(()).await.unwrap();
        self.wait_until("the end of accepting", |running| *running.phase.borrow() == Phase::Stopping).await;
    }
}

#[test]
fn requests_that_cross_the_end_are_refused() {
    let limits = Limits { fresh: Duration::ZERO, ..Limits::default() };
    with_server("crossing", crate::admission::review, limits, async |running| {
        let mut used = running.ask(0).await;
        is_answered(&mut used).await;
        let spare = running.connect().await;
        running.tell_to_stop().await;
        for mut idle in [used, spare] {
            ask_on(&mut idle, 0).await;
            is_farewell(&mut idle).await;
        }
        assert_eq!(running.ended().await, (Ended::Finished, 1));
    });
}

#[test]
fn new_connections_may_send_their_first_request() {
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

#[test]
fn half_a_header_does_not_hold_the_end() {
    with_server("half-header", crate::admission::review, Limits::default(), async |running| {
        let mut unused = running.connect().await;
        let mut used = running.ask(0).await;
        is_answered(&mut used).await;
        for stream in [&mut unused, &mut used] {
            send(stream, "POST /mut").await;
        }
        let begun = Instant::now();
        running.tell_to_stop().await;
        is_farewell(&mut unused).await;
        is_farewell(&mut used).await;
        assert_eq!(running.ended().await, (Ended::Finished, 1));
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    });
}
