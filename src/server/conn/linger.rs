//! The stream below hyper, which closes a connection without losing what the client still has to read.
//!
//! **An answer before the end of its request.** A refused request is answered before its body is read, and the connection
//! is closed. Closing a socket with unread data makes the kernel send a reset, which can overtake the answer: the API
//! server would see a broken connection instead of "503, retry", and fail the write. So this sends the end of the stream
//! first, and discards what still arrives until the client closes or [`LINGER_TIME`] is over. The same holds for the
//! alert of a failed handshake.
//!
//! **An idle connection.** A request may be on its way when an idle connection is closed. Go's client, and so the API
//! server, does not repeat a POST that it has begun to write on such a connection: the write in the cluster fails with
//! `EOF` or `http: server closed idle connection` (kubernetes/kubernetes#127335; knative/pkg#1509 and #3295 are the
//! work-arounds of a framework for webhooks, which only wait longer). But it does repeat a request that is refused with
//! `Retry-After`. So the last bytes on an idle connection are such a refusal. It answers a request that crosses it; without
//! one, the client discards it together with the connection.
//!
//! **A client that does not read.** Its answer would take memory forever, so a write that makes no progress for some time
//! is given up together with the connection.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Sleep, timeout};

use super::state::{ConnectionState, Ending};

/// The last bytes on an idle connection. Retrying needs no wait, since only this server leaves.
const FAREWELL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How long unread data is discarded at most.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// A stream that keeps its connection's state up to date, gives up a write that makes no progress, and closes as the
/// connection's [`Ending`] says.
pub(super) struct LingeringStream<S> {
    stream: S,
    state: Arc<ConnectionState>,
    patience: Patience,
    closing: Closing,
}

/// How far the stream is closed.
enum Closing {
    /// It is open.
    No,
    /// These bytes of the farewell have to be written.
    Farewell { rest: &'static [u8], linger: bool },
    /// Its end has to be sent.
    Shutdown { linger: bool },
    /// What arrives is discarded until then.
    Discard(Pin<Box<Sleep>>),
    /// It is closed.
    Done,
}

impl<S> LingeringStream<S> {
    /// `write` is the longest time in which a write may make no progress.
    pub(super) fn new(stream: S, state: Arc<ConnectionState>, write: Duration) -> Self {
        let patience = Patience { time: write, until: None };
        LingeringStream { stream, state, patience, closing: Closing::No }
    }
}

/// How long a write still waits.
struct Patience {
    time: Duration,
    /// Set while a write waits.
    until: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Fails a write that has waited too long. Any progress restarts the time. A flush counts as one step, since TLS
    /// buffers at most 64 KiB.
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

impl<S: AsyncRead + Unpin> AsyncRead for LingeringStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LingeringStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.state.begin_write();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.patience.limit(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        if flushed.is_ready() {
            this.state.end_write();
        }
        this.patience.limit(flushed, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.state.begin_write();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.patience.limit(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.closing {
                Closing::No => {
                    this.closing = match this.state.ending() {
                        Ending::Close => Closing::Shutdown { linger: false },
                        Ending::Linger => Closing::Shutdown { linger: true },
                        Ending::Farewell { linger } => Closing::Farewell { rest: FAREWELL, linger },
                    };
                }
                Closing::Farewell { rest: [], linger } => {
                    this.closing = Closing::Shutdown { linger: *linger };
                }
                Closing::Farewell { rest, .. } => {
                    let written = Pin::new(&mut this.stream).poll_write(cx, rest);
                    let written = ready!(this.patience.limit(written, cx))?;
                    *rest = rest.get(written..).unwrap_or_default();
                }
                &mut Closing::Shutdown { linger } => {
                    let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
                    ready!(this.patience.limit(shut, cx))?;
                    this.closing = if linger {
                        this.state.begin_linger();
                        Closing::Discard(Box::pin(tokio::time::sleep(LINGER_TIME)))
                    } else {
                        Closing::Done
                    };
                }
                Closing::Discard(until) => {
                    if until.as_mut().poll(cx).is_ready() || ready!(discard(&mut this.stream, cx)) {
                        this.closing = Closing::Done;
                    }
                }
                Closing::Done => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Closes a stream after a failed handshake: sends its end, then discards what arrives.
pub(super) async fn end(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let ended = async {
        if stream.shutdown().await.is_ok() {
            drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
        }
    };
    drop(timeout(LINGER_TIME, ended).await);
}

/// Discards what has arrived. Ready with `true` when nothing more will come.
fn discard<S: AsyncRead + Unpin>(stream: &mut S, cx: &mut Context<'_>) -> Poll<bool> {
    let mut space = [std::mem::MaybeUninit::uninit(); 4096];
    let mut buf = ReadBuf::uninit(&mut space);
    Pin::new(stream).poll_read(cx, &mut buf).map(|read| read.is_err() || buf.filled().is_empty())
}
