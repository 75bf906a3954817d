//! Answers that outrun their request, answers that nobody reads, and the end of a connection that is idle.
//!
//! A request that is refused before its body was read is answered at once, and its connection closed. To close a
//! socket with unread data in it makes the kernel send a reset, and a reset can overtake the answer: the API server
//! would see a broken connection instead of "503, try again", and fail the write. So after such an answer the end is
//! sent first, and what still comes is thrown away until the client closes or the time is up.
//!
//! The same holds for a handshake that fails: by the time the client's certificate is refused, its first request may be
//! there, and the alert that says why must not be lost.
//!
//! An idle connection that is closed may have a request on its way, and the API server sends none a second time whose
//! connection was closed: the write fails. But one that is refused with `Retry-After` it does send again, on another
//! connection. So the last that is written on an idle connection is such a refusal. If a request crosses it, it is the
//! answer to that request; if none does, the client throws it away with the connection, which is closed in either case.
//!
//! A client that does not read its answer would hold its memory for ever: what is not taken for some time is given up,
//! and the connection with it.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Sleep, timeout};

use super::connections::Connection;

/// The last words on an idle connection. There is nothing to wait for: only this server leaves.
const FAREWELL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How long what is unread is thrown away.
const LINGER: Duration = Duration::from_secs(2);

/// A stream whose shutdown waits as described above where [`Connection::has_unread`], which says farewell where
/// [`Connection::owes_farewell`], and whose writes do not wait for ever.
pub(crate) struct Lingering<S> {
    stream: S,
    connection: Arc<Connection>,
    patience: Patience,
    state: State,
}

enum State {
    Open,
    /// What is still to be written of it.
    Farewell(&'static [u8]),
    Closing {
        linger: bool,
    },
    Lingering(Pin<Box<Sleep>>),
    Done,
}

impl<S> Lingering<S> {
    /// `write` is the longest time in which nothing is taken.
    pub(crate) fn new(stream: S, connection: Arc<Connection>, write: Duration) -> Self {
        let patience = Patience { time: write, until: None };
        Lingering { stream, connection, patience, state: State::Open }
    }
}

/// How long a write still waits.
struct Patience {
    time: Duration,
    /// Set while one waits.
    until: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Ends what has waited too long. What got through, if only in part, starts the time anew. A flush counts as one
    /// step: what TLS holds back by then is no more than 64 KiB.
    fn limit<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let time = self.time;
        let until = self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.connection.set_writing(true);
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.patience.limit(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        if flushed.is_ready() {
            this.connection.set_writing(false);
        }
        this.patience.limit(flushed, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.connection.set_writing(true);
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.patience.limit(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Open if this.connection.owes_farewell() => this.state = State::Farewell(FAREWELL),
                State::Open => this.state = State::Closing { linger: this.connection.has_unread() },
                State::Farewell([]) => this.state = State::Closing { linger: true },
                State::Farewell(rest) => {
                    let written = Pin::new(&mut this.stream).poll_write(cx, rest);
                    let written = ready!(this.patience.limit(written, cx))?;
                    *rest = rest.get(written..).unwrap_or_default();
                }
                &mut State::Closing { linger } => {
                    let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
                    ready!(this.patience.limit(shut, cx))?;
                    this.state = if linger {
                        this.connection.linger();
                        State::Lingering(Box::pin(tokio::time::sleep(LINGER)))
                    } else {
                        State::Done
                    };
                }
                State::Lingering(until) => {
                    if until.as_mut().poll(cx).is_ready() || ready!(discard(&mut this.stream, cx)) {
                        this.state = State::Done;
                    }
                }
                State::Done => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Ends a connection of which nothing more is to be read, in the way described above.
pub(crate) async fn end(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let ended = async {
        if stream.shutdown().await.is_ok() {
            drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
        }
    };
    drop(timeout(LINGER, ended).await);
}

/// Throws away what is there. Ready with `true` when there will be no more.
fn discard<S: AsyncRead + Unpin>(stream: &mut S, cx: &mut Context<'_>) -> Poll<bool> {
    let mut space = [std::mem::MaybeUninit::uninit(); 4096];
    let mut buf = ReadBuf::uninit(&mut space);
    Pin::new(stream).poll_read(cx, &mut buf).map(|read| read.is_err() || buf.filled().is_empty())
}
