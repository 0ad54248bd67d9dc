//! What one exchange is at.

use super::board::Board;
use super::text::Text;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    /// There is none.
    Idle,
    /// Its head or its body is being read.
    Reading,
    /// It waits: for a thread, for a gate, for what its handler waits for.
    Waiting,
    /// Its handler runs, on the thread that the slot names.
    InHandler,
    /// Its answer is being written.
    Writing,
}

impl State {
    fn of(number: u32) -> Self {
        let all = [Self::Idle, Self::Reading, Self::Waiting, Self::InHandler, Self::Writing];
        all.into_iter().find(|state| *state as u32 == number).unwrap_or(Self::Idle)
    }

    /// As people are told it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Reading => "reading",
            Self::Waiting => "waiting",
            Self::InHandler => "in handler",
            Self::Writing => "writing",
        }
    }
}

/// Whoever sent a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Client {
    /// Over TCP.
    At(SocketAddr),
    /// Over a Unix socket.
    #[default]
    Unix,
}

/// A request, as its slot shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// Unlike any other of this process, and of those that it forks.
    pub(crate) id: u64,
    pub(crate) client: Client,
    pub(crate) method: &'a [u8],
    pub(crate) path: &'a [u8],
    /// When its head was read, in milliseconds of the coarse monotonic clock.
    pub(crate) began_ms: u64,
}

/// The record. What belongs together is written between two steps of `sequence`: it is odd meanwhile.
#[repr(C, align(64))]
pub(super) struct SlotRecord {
    /// The process that has it; 0: none.
    owner: AtomicU32,
    sequence: AtomicU32,
    state: AtomicU32,
    /// The thread that runs the handler.
    thread: AtomicU32,
    /// The number of the route's record, plus one; 0: none yet.
    route: AtomicU32,
    /// Requests that the slot had, over all of its owners: the lower part of their ids.
    requests: AtomicU32,
    /// Calls of handlers: who sees the same number twice has seen the same call.
    calls: AtomicU32,
    _reserved: AtomicU32,
    id: AtomicU64,
    began_ms: AtomicU64,
    /// The port, and 1 << 16 for TCP.
    client: AtomicU64,
    address: [AtomicU64; 2],
    method: Text<1>,
    path: Text<18>,
}

/// What a slot says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) owner: u32,
    pub(super) state: State,
    pub(super) thread: u32,
    pub(super) calls: u32,
    pub(super) route: Option<usize>,
    pub(super) id: u64,
    pub(super) began_ms: u64,
    pub(super) client: Client,
    pub(super) method: String,
    pub(super) path: String,
}

/// A reader gives up on a slot that is written to all the time.
const TRIES: usize = 1000;

impl SlotRecord {
    fn write(&self, write: impl FnOnce()) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
        // Whoever sees a part of it sees the odd number, too.
        fence(Ordering::Release);
        write();
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }

    fn begin(&self, request: &Request<'_>) {
        self.id.store(request.id, Ordering::Relaxed);
        self.began_ms.store(request.began_ms, Ordering::Relaxed);
        self.route.store(0, Ordering::Relaxed);
        self.store_client(request.client);
        self.method.store(request.method);
        self.path.store(request.path);
    }

    fn store_client(&self, client: Client) {
        let Client::At(address) = client else { return self.client.store(0, Ordering::Relaxed) };
        self.client.store(u64::from(address.port()) | 1 << 16, Ordering::Relaxed);
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        self.address[0].store((ip >> 64) as u64, Ordering::Relaxed);
        self.address[1].store(ip as u64, Ordering::Relaxed);
    }

    fn load_client(&self) -> Client {
        let client = self.client.load(Ordering::Relaxed);
        if client == 0 {
            return Client::Unix;
        }
        let [high, low] = [0, 1].map(|index| u128::from(self.address[index].load(Ordering::Relaxed)));
        let ip = IpAddr::V6(Ipv6Addr::from_bits(high << 64 | low)).to_canonical();
        Client::At(SocketAddr::new(ip, client as u16))
    }

    /// Whether it shows a request, at a glance.
    pub(super) fn is_busy(&self) -> bool {
        self.owner.load(Ordering::Relaxed) != 0 && self.state.load(Ordering::Relaxed) != State::Idle as u32
    }

    pub(super) fn owner(&self) -> u32 {
        self.owner.load(Ordering::Relaxed)
    }

    /// The number of its request's route; none: it has none, or not yet.
    pub(super) fn route(&self) -> Option<usize> {
        (self.route.load(Ordering::Relaxed) as usize).checked_sub(1)
    }

    pub(super) fn read(&self) -> Option<Seen> {
        (0..TRIES).find_map(|_| {
            let before = self.sequence.load(Ordering::Acquire);
            if !before.is_multiple_of(2) {
                // Whoever writes it may have died at that, or the memory is not what it was: waiting has to be cheap.
                std::hint::spin_loop();
                return None;
            }
            let seen = Seen {
                owner: self.owner(),
                // The thread is the one of that call, or of a later one.
                state: State::of(self.state.load(Ordering::Acquire)),
                thread: self.thread.load(Ordering::Relaxed),
                calls: self.calls.load(Ordering::Relaxed),
                route: self.route(),
                id: self.id.load(Ordering::Relaxed),
                began_ms: self.began_ms.load(Ordering::Relaxed),
                client: self.load_client(),
                method: self.method.load(),
                path: self.path.load(),
            };
            fence(Ordering::Acquire);
            (self.sequence.load(Ordering::Relaxed) == before).then_some(seen)
        })
    }

    pub(super) fn take(&self, owner: u32) -> bool {
        self.owner.load(Ordering::Relaxed) == 0
            && self.owner.compare_exchange(0, owner, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Its process has ended without giving it back.
    pub(super) fn give_back_of(&self, owner: u32) {
        if self.owner.load(Ordering::Relaxed) == owner {
            let sequence = self.sequence.load(Ordering::Relaxed);
            self.sequence.store(sequence.wrapping_add(sequence % 2), Ordering::Relaxed);
            self.give_back();
        }
    }

    fn give_back(&self) {
        self.state.store(State::Idle as u32, Ordering::Relaxed);
        self.owner.store(0, Ordering::Release);
    }
}

/// A slot of an exchange's own, until it is dropped. Without a board, or where that is full, nothing is shown.
pub(crate) struct Place(Option<(Arc<Board>, u32)>);

impl Place {
    pub(super) fn of(taken: Option<(Arc<Board>, u32)>) -> Self {
        Self(taken)
    }

    fn record(&self) -> Option<&SlotRecord> {
        self.0.as_ref().map(|(board, index)| &board.layout().slots[*index as usize])
    }

    /// The id of the next request: unlike any other on this board.
    pub(crate) fn next_id(&self) -> Option<u64> {
        let (board, index) = self.0.as_ref()?;
        let requests = &board.layout().slots[*index as usize].requests;
        let count = requests.load(Ordering::Relaxed).wrapping_add(1);
        requests.store(count, Ordering::Relaxed);
        Some(u64::from(*index) << 32 | u64::from(count))
    }

    /// A request begins: its head was read.
    pub(crate) fn begin(&self, request: &Request<'_>) {
        let Some(record) = self.record() else { return };
        record.write(|| {
            record.begin(request);
            record.state.store(State::Reading as u32, Ordering::Relaxed);
        });
    }

    /// Its route is that one.
    pub(crate) fn routed(&self, route: Option<u32>) {
        if let Some(record) = self.record() {
            record.route.store(route.map_or(0, |index| index + 1), Ordering::Relaxed);
        }
    }

    /// Its handler is called, on that thread.
    pub(crate) fn in_handler(&self, thread: u32) {
        if let Some(record) = self.record() {
            record.thread.store(thread, Ordering::Relaxed);
            record.calls.store(record.calls.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            record.state.store(State::InHandler as u32, Ordering::Release);
        }
    }

    /// It is at something else.
    pub(crate) fn is(&self, state: State) {
        if let Some(record) = self.record() {
            record.state.store(state as u32, Ordering::Release);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let (Some(record), Some((board, index))) = (self.record(), &self.0) {
            record.give_back();
            board.free_slots().push(*index);
        }
    }
}
