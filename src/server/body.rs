//! Reading a request's body: bounded in size and time, counted against the memory of all, wiped when it is done with.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::limits::Share;
use crate::wiped::Wiped;

/// What is first counted of a body: what it announces is not believed further than this.
const BELIEVED: usize = 64 << 10;

/// The first buffer of a body whose length is not announced.
const UNANNOUNCED: usize = 16 << 10;

/// A request's body. It holds credentials: it is wiped on drop, and has no `Debug`.
pub(crate) struct Body {
    content: Wiped,
    share: Share,
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than the limit.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// All bodies together take too much memory.
    NoRoom,
    /// The client is gone, or its chunks are malformed.
    Broken,
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.content
    }

    /// Takes as much again as the body takes, for the answer. `false` if there is not as much.
    pub(crate) fn reserve_for_answer(&mut self) -> bool {
        self.share.grow(self.content.len())
    }

    /// Wipes it, and gives its share to an answer.
    pub(crate) fn into_share(self) -> Share {
        self.share
    }

    /// Reads a body of at most `limit` bytes within `deadline`.
    pub(crate) async fn read(
        incoming: Incoming,
        limit: usize,
        deadline: Duration,
        share: Share,
    ) -> Result<Self, BodyError> {
        let mut reading = pin!(Body::read_all(incoming, limit, share));
        // A usual body has come with its header: then no clock is needed.
        if let Poll::Ready(read) = poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
            return read;
        }
        timeout(deadline, reading).await.unwrap_or(Err(BodyError::TooSlow))
    }

    async fn read_all(mut incoming: Incoming, limit: usize, share: Share) -> Result<Self, BodyError> {
        let announced = incoming.size_hint().exact().and_then(|length| usize::try_from(length).ok());
        let most = announced.unwrap_or(limit).min(limit);
        let mut body = Body { content: Wiped::default(), share };
        body.count(announced.unwrap_or(UNANNOUNCED).min(BELIEVED).min(limit))?;
        // Address space costs nothing, so there is room for all that is announced. It is memory where it is written to.
        body.make_room(announced.unwrap_or(UNANNOUNCED).min(limit))?;
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|_| BodyError::Broken)?;
            // Trailers are of no interest.
            let Some(data) = frame.data_ref() else { continue };
            if body.content.len() + data.len() > limit {
                return Err(BodyError::TooLarge);
            }
            body.append(data, most)?;
        }
        Ok(body)
    }

    /// What is counted runs ahead of what has come, up to `most`, the whole body's size where that is known.
    fn append(&mut self, data: &[u8], most: usize) -> Result<(), BodyError> {
        let needed = self.content.len() + data.len();
        let counted = self.share.taken();
        if needed > counted {
            self.count(needed.max(counted.saturating_mul(2)).min(most.max(needed)) - counted)?;
        }
        if needed > self.content.capacity() {
            self.make_room(needed.max(self.content.capacity().saturating_mul(2)))?;
        }
        self.content.extend_from_slice(data);
        Ok(())
    }

    fn count(&mut self, more: usize) -> Result<(), BodyError> {
        if self.share.grow(more) { Ok(()) } else { Err(BodyError::NoRoom) }
    }

    /// A `Vec` that grows by itself leaves its old buffer behind as it is. Here the old one is wiped.
    fn make_room(&mut self, capacity: usize) -> Result<(), BodyError> {
        let mut larger = Wiped::default();
        larger.try_reserve_exact(capacity).map_err(|_| BodyError::NoRoom)?;
        larger.extend_from_slice(&self.content);
        self.content = larger;
        Ok(())
    }
}
