//! The memory of bodies and answers.

use super::*;

#[test]
fn bodies_without_memory_are_shed() {
    // Room for one body and its answer; the wait for room is shorter than the first review.
    let limits = Limits { bodies: 400_000, inline_body: 0, body_read: SLOW / 3, ..Limits::default() };
    with_server("memory", slow, limits, async |running| {
        let mut first = running.ask(90_000).await;
        running.wait_until("the first is read", |running| running.room.used() >= 180_000).await;
        let mut second = running.ask(90_000).await;
        is_shed(&mut second).await;
        assert!(running.metric("regcred_shed_total{port=\"admission\",reason=\"memory\"} 1"));
        assert!(head(&mut first).await.starts_with("http/1.1 200 "));
        let mut third = running.ask(90_000).await;
        assert!(head(&mut third).await.starts_with("http/1.1 200 "));
        // An answer's memory is given back with its last byte.
        running.wait_until("all memory is back", |running| running.room.used() == 0).await;
    });
}

#[test]
fn silent_announcements_do_not_hold_the_memory() {
    with_server("announced", crate::admission::review, Limits::default(), async |running| {
        // Together they hold all the room of large bodies.
        let announcement = "POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8388608\r\n\r\n";
        let mut silent = Vec::new();
        for _ in 0..3 {
            let mut stream = running.connect().await;
            send(&mut stream, announcement).await;
            silent.push(stream);
        }
        running.wait_until("the room is taken", |running| running.room.used() > 40 << 20).await;
        let mut large = running.ask(40_000).await;
        let answer = head(&mut large).await;
        assert!(answer.starts_with("http/1.1 200 "), "{answer}");
        for stream in &mut silent {
            assert!(head(stream).await.starts_with("http/1.1 408 "));
        }
    });
}

#[test]
fn bodies_wait_for_memory() {
    let limits = Limits { bodies: 400_000, inline_body: 0, ..Limits::default() };
    with_server("waits", slow, limits, async |running| {
        let mut first = running.ask(90_000).await;
        running.wait_until("the first is read", |running| running.room.used() >= 180_000).await;
        let mut second = running.ask(90_000).await;
        for stream in [&mut first, &mut second] {
            assert!(head(stream).await.starts_with("http/1.1 200 "));
        }
        assert_eq!(running.stop().await, (Ended::Finished, 2));
    });
}

#[test]
fn unread_answers_are_given_up() {
    let limits = Limits { write: Duration::from_millis(800), bodies: LARGE * 8, ..Limits::default() };
    with_server("unread", verbose, limits, async |running| {
        let mut stream = running.ask(0).await;
        running.wait_until("the answer", |running| running.room.used() >= LARGE).await;
        running.in_flight(0).await;
        running.wait_until("given up", |running| running.room.used() == 0).await;
        let mut read = Vec::new();
        drop(timeout(PATIENCE, stream.read_to_end(&mut read)).await.unwrap());
        assert!(read.len() < LARGE, "{}", read.len());
        assert_eq!(running.stop().await, (Ended::Finished, 1));
    });
}

#[test]
fn answers_may_be_read_slowly() {
    let limits = Limits { write: Duration::from_secs(1), ..Limits::default() };
    with_server("slowly", verbose, limits, async |running| {
        let mut stream = running.ask(0).await;
        assert!(head(&mut stream).await.starts_with("http/1.1 200 "));
        let mut chunk = vec![0; 1 << 20];
        let mut left = LARGE;
        while left > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let wanted = chunk.len().min(left);
            stream.read_exact(&mut chunk[..wanted]).await.unwrap();
            left -= wanted;
        }
    });
}
