//! The body of a request: where it ends, and its bytes.

use super::buffer::Buffer;
use super::chunked::Chunked;
use super::refusal::Refusal;

/// What [`Connection::poll_body`](super::Connection::poll_body) found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyPart<'a> {
    /// The next bytes of the body, never empty.
    Data(&'a [u8]),
    /// Nothing here; feed the connection.
    NeedMore,
    /// The body has ended, or there is none.
    End,
}

/// How the end of a request's body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Framing {
    #[default]
    None,
    Length(u64),
    Chunked,
}

/// What is left to read of a body.
#[derive(Debug)]
pub(super) enum Body {
    Ended,
    Length(u64),
    Chunked(Chunked),
}

impl Body {
    /// The body that `framing` announces.
    pub(super) fn new(framing: Framing, body_bytes_max: u64) -> Self {
        match framing {
            Framing::None | Framing::Length(0) => Self::Ended,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::new(body_bytes_max)),
        }
    }

    /// Whether nothing of the body is left.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Takes the next part of the body out of `input`.
    pub(super) fn poll<'a>(&mut self, input: &'a mut Buffer) -> Result<BodyPart<'a>, Refusal> {
        let count = self.next_data(input)?;
        Ok(match count {
            0 if self.has_ended() => BodyPart::End,
            0 => BodyPart::NeedMore,
            _ => BodyPart::Data(input.take(count)),
        })
    }

    /// How many bytes at the front of `input` are data, framing out of the way.
    fn next_data(&mut self, input: &mut Buffer) -> Result<usize, Refusal> {
        let (count, has_ended) = match self {
            Self::Ended => (0, true),
            Self::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.unread().len());
                *left -= count as u64;
                (count, *left == 0)
            }
            Self::Chunked(chunked) => {
                let framing = chunked.read_framing(input.unread())?;
                input.consume(framing);
                (chunked.take_data(input.unread().len()), chunked.has_ended())
            }
        };
        if has_ended {
            *self = Self::Ended;
        }
        Ok(count)
    }
}
