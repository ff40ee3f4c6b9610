//! A live capture: frames from the kernel into a file and to whoever looks at them, with honest counts.
//!
//! ```text
//!  device ─► reader ─┬─► writer    pcapng, large sequential writes
//!  (kernel's ring)   └─► consumer  analysis, live rows
//! ```
//!
//! Three threads. The reader does nothing but copy frames into large batches, which the other two share.
//! Both queues are bounded. A writer that cannot keep up holds the reader back, so that the kernel's ring
//! fills, and what then is lost the kernel counts. A consumer that cannot keep up does the same where no
//! file is written; where one is, the file comes first: the consumer misses whole batches, and
//! [`Counts::queue_dropped`] says how many frames they held.
//!
//! Where whoever makes the traffic can be held ([`Hold`]), neither loses anything: it is held before the ring is full and
//! until the queues have room.
//!
//! Asked to [stop](Stop), the reader still takes what the kernel holds up to that moment. Nothing here
//! decodes a frame or knows a picture.

#![expect(
    clippy::disallowed_methods,
    reason = "an edge: it owns the threads of a capture and reads the clock to end it in time"
)]

mod batch;
mod brake;
mod interface;
mod notes;
mod stop;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use crate::frame::{Away, Frame, LinkType};
use crate::system;
use crate::units::Timestamp;

pub(crate) use batch::Batch;
pub(crate) use stop::{Reason, Stop};
pub(crate) use writer::{Every, Recorder, Rotation, WriteFailure, Written};

use brake::{Brake, Depth};
pub(crate) use notes::Note;
use notes::Notes;

/// Where frames come from.
pub(crate) trait Device {
    /// Link-layer header type of the frames of the first interface.
    fn link(&self) -> LinkType;
    /// Bytes of the kernel's ring; absent where there is none. A command is held long before it is full.
    fn ring_bytes(&self) -> Option<u64> {
        None
    }
    /// Lets [`Self::read`] wait at most so long from now on.
    fn wait_at_most(&mut self, time: Duration) {
        let _ = time;
    }
    /// Hands the frames that are there to `each`; waits for the first at most some tens of milliseconds.
    /// Says how many it handed over.
    ///
    /// # Errors
    /// When the device fails; the capture then ends.
    fn read(&mut self, each: &mut dyn FnMut(&Frame<'_>)) -> Result<u64, DeviceFailure>;
    /// What the kernel counted since the device was opened, of each interface; absent where it does not say.
    fn statistics(&mut self) -> Vec<Option<Statistics>>;
}

/// Whoever makes the traffic, where that can be held while what was captured is worked off.
pub(crate) trait Hold {
    /// Makes no more traffic, from now until it may go on.
    fn hold(&mut self);
    /// May go on.
    fn go_on(&mut self);
}

/// The device failed in the middle of a capture.
#[derive(Debug, thiserror::Error)]
#[error("the capture ended early")]
pub(crate) struct DeviceFailure(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What the kernel counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Statistics {
    /// Frames that passed the filter, the dropped ones included.
    pub received: u64,
    /// Frames dropped for want of room in the kernel's ring.
    pub dropped: u64,
    /// Frames dropped by the interface or its driver; absent when unknown.
    pub interface_dropped: Option<u64>,
    /// How long the interface was gone; absent where it never was.
    pub away: Option<Away>,
}

/// Looks at the frames, on a thread of its own.
pub(crate) trait Consumer: Send {
    /// The next frame, numbered from 1.
    fn frame(&mut self, frame: &Frame<'_>);
    /// Comes after each batch, and at least every [`TICK`] while nothing does.
    fn tick(&mut self);
    /// Whether it has something to do soon that no frame brings: then [`Self::tick`] comes at least every [`SOON`].
    fn is_restless(&self) -> bool {
        false
    }
    /// Gives what shall be said of frames in the file to `take`, as far as it is new.
    fn notes(&mut self, take: &mut dyn FnMut(Note)) {
        let _ = take;
    }
    /// No more frames come.
    fn finish(&mut self, summary: &Counts);
}

/// A consumer that looks at nothing: for a capture that is only written.
impl Consumer for () {
    fn frame(&mut self, _: &Frame<'_>) {}
    fn tick(&mut self) {}
    fn finish(&mut self, _: &Counts) {}
}

/// How often a consumer is woken while no frame comes.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// The same, for one that is restless.
pub(crate) const SOON: Duration = Duration::from_millis(10);
/// Captured bytes after which a batch is handed on.
const BATCH_BYTES: usize = 1 << 20;
/// Frames after which a batch is handed on.
const BATCH_FRAMES: u64 = 8192;
/// Age at which a batch is handed on although it is small, so that rows and file follow the traffic.
const BATCH_AGE: Duration = Duration::from_millis(20);
/// Nice value of the consumer's thread.
const BEHIND: i32 = 5;
/// Nice value of the reader's.
const BEFORE: i32 = -10;
/// Longest time that a read waits for frames, and while whoever makes them is held.
pub(crate) const READ_WAIT: Duration = Duration::from_millis(20);
const HELD_WAIT: Duration = Duration::from_millis(1);
/// How often the kernel's counts are asked for.
const COUNTS_EVERY: Duration = Duration::from_secs(1);
/// Longest time for which frames are taken in after the capture was asked to end.
const DRAIN: Duration = Duration::from_secs(10);

/// Reads in a row that bring nothing, after which the kernel is taken to hold nothing: its ring hands a block
/// over only after one or two of its own timeouts, and a read waits for one.
const IDLE_READS: u32 = 3;

/// How a capture is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Ends it after so long; absent: it goes on until asked to end.
    pub duration: Option<Duration>,
    /// Batches of about 1 MiB that may wait for the writer.
    pub writer_queue: usize,
    /// Batches of about 1 MiB that may wait for the consumer.
    pub consumer_queue: usize,
    /// Ends it when so many frames were captured.
    pub frames: Option<u64>,
    /// Ends it when so many bytes were captured.
    pub bytes: Option<u64>,
    /// Ends it when no frame came for so long.
    pub silence: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            duration: None,
            writer_queue: 64,
            consumer_queue: 64,
            frames: None,
            bytes: None,
            silence: None,
        }
    }
}

/// What was counted in a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Frames read from the device.
    pub frames: u64,
    /// Their captured bytes.
    pub bytes: u64,
    /// Their lengths on the wire.
    pub wire_bytes: u64,
    /// Frames the kernel says that it received, the dropped ones included; absent when unknown.
    pub received: Option<u64>,
    /// Frames the kernel dropped for want of room in its ring; absent when unknown.
    pub dropped: Option<u64>,
    /// Frames the interface or its driver dropped; absent when unknown, of several interfaces: of those that say, unless
    /// that is 0.
    pub interface_dropped: Option<u64>,
    /// Frames read that the consumer missed, because it could not keep up. They are in the file.
    pub queue_dropped: u64,
    /// How often whoever makes the traffic was held, so that nothing was lost.
    pub holds: u64,
    /// For how long, in all.
    pub held: Duration,
    /// When the capture ended; absent while it goes on.
    pub ended: Option<Timestamp>,
    /// How long interfaces were gone; absent where none was.
    pub away: Option<Away>,
}

impl Counts {
    /// Frames that the consumer never saw, as far as is known.
    pub(crate) fn lost(&self) -> u64 {
        self.dropped
            .unwrap_or(0)
            .saturating_add(self.interface_dropped.unwrap_or(0))
            .saturating_add(self.queue_dropped)
    }
}

/// How a capture went.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Link-layer header type of its frames.
    pub link: LinkType,
    /// What was counted.
    pub counts: Counts,
    /// Why it ended.
    pub ended: Reason,
    /// What was written; absent where nothing was to be.
    pub written: Option<Written>,
    /// Why writing ended early.
    pub write_failure: Option<WriteFailure>,
    /// Why the device ended early.
    pub device_failure: Option<DeviceFailure>,
    /// A thread of the capture ended by a panic: a defect of imgnet, and the counts may be short.
    pub broken: bool,
}

/// Captures until `stop` says so, on this thread and two more; gives the consumer back.
///
/// The consumer sees every frame and its end before this returns, and the file is complete.
///
/// With `hold`, whoever makes the traffic is held whenever the ring or a queue fills, and every frame that is read
/// reaches file and consumer both.
pub(crate) fn run<C: Consumer>(
    device: &mut dyn Device,
    recorder: Option<Recorder>,
    mut consumer: C,
    stop: &Stop,
    options: Options,
    hold: Option<&mut dyn Hold>,
) -> (Summary, C) {
    let notes = Notes::default();
    let depth = Depth::default();
    let (spare_in, spare) = mpsc::channel();
    let ring = device.ring_bytes();
    // Where nobody is held, what disk and analysis cannot take at once waits in as much memory again as the ring has: the two
    // share it.
    let as_the_ring = match ring {
        Some(ring) if hold.is_none() => usize::try_from(ring).unwrap_or(0) / BATCH_BYTES,
        _ => 0,
    };
    let (to_consumer, consumer_queue) =
        mpsc::sync_channel(options.consumer_queue.max(as_the_ring).max(1));
    let mut summary = Summary {
        link: device.link(),
        counts: Counts::default(),
        ended: Reason::Done,
        written: None,
        write_failure: None,
        device_failure: None,
        broken: false,
    };
    thread::scope(|scope| {
        let (to_writer, writing) = match recorder {
            None => (None, None),
            Some(recorder) => {
                let (to_writer, queue) =
                    mpsc::sync_channel(options.writer_queue.max(as_the_ring).max(1));
                let (stop, spare) = (stop.clone(), spare_in.clone());
                let (notes, depth) = (&notes, &depth);
                // It keeps the reader's place: behind the senders it would fall back until the ring is full.
                let thread = scope
                    .spawn(move || writer::write(recorder, &queue, &spare, &stop, notes, depth));
                (Some(to_writer), Some(thread))
            }
        };
        let consumer = &mut consumer;
        let (notes, depth_of) = (&notes, &depth);
        // Where the traffic is held for it, it has no reason to.
        let gives_way = hold.is_none();
        let consuming = scope.spawn(move || {
            come_next();
            if gives_way {
                give_way();
            }
            consume(consumer, &consumer_queue, &spare_in, notes, depth_of);
            // Whatever ended it: the writer waits for no more notes.
            notes.close();
        });

        let mut reader = Reader {
            device,
            batch: None,
            born: None,
            counts: Counts::default(),
            out: Out {
                to_writer,
                to_consumer,
                depth: &depth,
                brake: hold.map(|hold| Brake::new(hold, ring)),
            },
            spare,
        };
        let (ended, failure) = reader.read_until(stop, &options);
        summary.ended = ended;
        summary.device_failure = failure;
        summary.counts = reader.finish();

        if consuming.join().is_err() {
            summary.broken = true;
        }
        match writing.map(thread::ScopedJoinHandle::join) {
            None => {}
            Some(Ok((written, failure))) => {
                summary.written = Some(written);
                summary.write_failure = failure;
            }
            Some(Err(_)) => summary.broken = true,
        }
    });
    (summary, consumer)
}

/// What the reader hands on.
enum Item {
    Batch(Arc<Batch>),
    End(Counts, Vec<Option<Statistics>>),
}

struct Reader<'d> {
    device: &'d mut dyn Device,
    batch: Option<Batch>,
    /// When the first frame of `batch` was read.
    born: Option<Instant>,
    counts: Counts,
    out: Out<'d>,
    spare: Receiver<Batch>,
}

/// Where batches go.
struct Out<'d> {
    to_writer: Option<SyncSender<Item>>,
    to_consumer: SyncSender<Item>,
    depth: &'d Depth,
    brake: Option<Brake<'d>>,
}

impl Reader<'_> {
    fn read_until(&mut self, stop: &Stop, options: &Options) -> (Reason, Option<DeviceFailure>) {
        let started = Instant::now();
        let mut heard = started;
        let mut looked = started;
        let mut held = false;
        loop {
            let now = Instant::now();
            let over = |limit: Option<Duration>, since: Instant| {
                limit.is_some_and(|limit| now.duration_since(since) >= limit)
            };
            if over(options.duration, started) {
                stop.request(Reason::Duration);
            } else if over(options.silence, heard) {
                stop.request(Reason::Silence);
            } else if options
                .frames
                .is_some_and(|most| self.counts.frames >= most)
            {
                stop.request(Reason::Frames);
            } else if options.bytes.is_some_and(|most| self.counts.bytes >= most) {
                stop.request(Reason::Bytes);
            }
            if let Some(reason) = stop.requested(now) {
                // Where enough was captured, what comes after it is not wanted.
                let failure = match reason {
                    Reason::Frames | Reason::Bytes => None,
                    _ => self.drain().err(),
                };
                return (reason, failure);
            }
            // The kernel's counts have 32 bits: asked often, none is missed.
            if over(Some(COUNTS_EVERY), looked) {
                looked = now;
                let _ = self.device.statistics();
            }
            match self.read(options.frames) {
                Ok(reading) => {
                    if reading.frames > 0 {
                        heard = now;
                    }
                    if let Some(brake) = &mut self.out.brake {
                        brake.read(&reading, self.out.depth);
                        // Whoever is held is let go as soon as there is room: nobody is to wait for work meanwhile.
                        if brake.holds_now() != held {
                            held = !held;
                            let wait = if held { HELD_WAIT } else { READ_WAIT };
                            self.device.wait_at_most(wait);
                        }
                    }
                    self.hand_on_old();
                }
                Err(failure) => {
                    stop.request(Reason::Device);
                    return (stop.reason().unwrap_or(Reason::Device), Some(failure));
                }
            }
        }
    }

    /// Takes what the kernel holds and was captured up to now.
    fn drain(&mut self) -> Result<(), DeviceFailure> {
        let begun = Instant::now();
        self.device.wait_at_most(READ_WAIT);
        let asked = writer::now();
        let mut idle = 0;
        loop {
            let read = self.read(None)?;
            let past = match (read.last, asked) {
                (Some(last), Some(asked)) => last > asked,
                _ => false,
            };
            idle = if read.frames == 0 { idle + 1 } else { 0 };
            if idle == IDLE_READS || past || begun.elapsed() > DRAIN {
                return Ok(());
            }
        }
    }

    /// Reads what is there; of more frames than `most` in all, the rest is left out.
    fn read(&mut self, most: Option<u64>) -> Result<Reading, DeviceFailure> {
        let mut reading = Reading::default();
        let Self {
            device,
            batch: slot,
            born,
            counts,
            out,
            spare,
        } = self;
        let result = device.read(&mut |frame| {
            if most.is_some_and(|most| counts.frames >= most) {
                return;
            }
            let batch = slot.get_or_insert_with(|| {
                let mut batch = spare
                    .try_recv()
                    .unwrap_or_else(|_| Batch::with_capacity(BATCH_BYTES + (1 << 18)));
                batch.restart(counts.frames.saturating_add(1));
                *born = Some(Instant::now());
                batch
            });
            batch.push(frame);
            counts.frames = counts.frames.saturating_add(1);
            counts.bytes = counts.bytes.saturating_add(frame.data.len() as u64);
            counts.wire_bytes = counts.wire_bytes.saturating_add(frame.wire_len.into());
            reading.last = frame.time.or(reading.last);
            if (batch.captured_bytes() >= BATCH_BYTES || batch.len() >= BATCH_FRAMES)
                && let Some(batch) = slot.take()
            {
                out.hand_on(batch, counts);
            }
        });
        reading.frames = result?;
        Ok(reading)
    }

    fn hand_on_old(&mut self) {
        if self.batch.is_some() && self.born.is_none_or(|born| born.elapsed() >= BATCH_AGE) {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.out.hand_on(batch, &mut self.counts);
        }
    }

    /// Hands on the rest and the kernel's counts, and closes the queues.
    fn finish(mut self) -> Counts {
        self.hand_on();
        if let Some(brake) = &mut self.out.brake {
            brake.go_on();
            self.counts.holds = brake.holds;
            self.counts.held = brake.held;
        }
        let interfaces = self.device.statistics();
        for known in interfaces.iter().flatten() {
            let add = |sum: &mut Option<u64>, more: u64| {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            };
            add(&mut self.counts.received, known.received);
            add(&mut self.counts.dropped, known.dropped);
            if let Some(away) = known.away {
                let sum = self.counts.away.map_or(away, |sum| sum.and(away));
                self.counts.away = Some(sum);
            }
            if let Some(dropped) = known.interface_dropped {
                add(&mut self.counts.interface_dropped, dropped);
            }
        }
        // Nobody may take the silence of one interface for the 0 of another.
        let silent = |known: &Option<Statistics>| known.and_then(|k| k.interface_dropped).is_none();
        if interfaces.iter().any(silent) {
            self.counts.interface_dropped = self.counts.interface_dropped.filter(|n| *n > 0);
        }
        self.counts.ended = writer::now();
        let counts = self.counts;
        if let Some(writer) = &self.out.to_writer {
            drop(writer.send(Item::End(counts, interfaces)));
        }
        drop(self.out.to_consumer.send(Item::End(counts, Vec::new())));
        counts
    }
}

#[derive(Default)]
struct Reading {
    frames: u64,
    /// Time of the last frame that has one.
    last: Option<Timestamp>,
}

impl Out<'_> {
    /// Gives a batch to both queues (see the module for what happens when one is full).
    fn hand_on(&mut self, batch: Batch, counts: &mut Counts) {
        if let Some(brake) = &mut self.brake {
            brake.batch(&batch, self.depth);
        }
        let batch = Arc::new(batch);
        // An error of `send` means that the other side is gone by a panic, which `run` reports.
        if let Some(writer) = &self.to_writer {
            self.depth.writer.fetch_add(1, Ordering::Relaxed);
            drop(writer.send(Item::Batch(Arc::clone(&batch))));
        }
        let frames = batch.len();
        self.depth.consumer.fetch_add(1, Ordering::Relaxed);
        if self.to_writer.is_none() || self.brake.is_some() {
            drop(self.to_consumer.send(Item::Batch(batch)));
        } else if self.to_consumer.try_send(Item::Batch(batch)).is_err() {
            self.depth.consumer.fetch_sub(1, Ordering::Relaxed);
            counts.queue_dropped = counts.queue_dropped.saturating_add(frames);
        }
    }
}

fn consume(
    consumer: &mut impl Consumer,
    queue: &Receiver<Item>,
    spare: &mpsc::Sender<Batch>,
    notes: &Notes,
    depth: &Depth,
) {
    loop {
        let patience = if consumer.is_restless() { SOON } else { TICK };
        match queue.recv_timeout(patience) {
            Ok(Item::Batch(batch)) => {
                depth.consumer.fetch_sub(1, Ordering::Relaxed);
                for frame in batch.frames() {
                    consumer.frame(&frame);
                }
                consumer.tick();
                consumer.notes(&mut |note| notes.add(note));
                notes.seen(batch.last());
                give_back(batch, spare);
            }
            Ok(Item::End(counts, _)) => {
                consumer.finish(&counts);
                consumer.notes(&mut |note| notes.add(note));
                return;
            }
            Err(RecvTimeoutError::Timeout) => {
                consumer.tick();
                consumer.notes(&mut |note| notes.add(note));
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Lets this thread, which will read frames, come before others where processors are scarce: as root only, and before the
/// process is confined. Threads that it starts take its place with them; the analysis gives it back.
pub(crate) fn come_first() {
    // Who was told to stand back, stands back.
    if system::place() == Some(0) {
        system::take_place(BEFORE);
    }
}

/// Takes an ordinary place again, where the thread that started this one [came first](come_first).
pub(crate) fn come_next() {
    if system::place() == Some(BEFORE) {
        system::take_place(0);
    }
}

/// Lets this thread come after the others where processors are scarce: frames that were read can wait, those in the
/// kernel's ring cannot.
fn give_way() {
    // Where it is not allowed, it is as it was.
    system::take_place(BEHIND);
}

/// The last one who held a batch gives its memory back to the reader.
fn give_back(batch: Arc<Batch>, spare: &mpsc::Sender<Batch>) {
    if let Some(batch) = Arc::into_inner(batch) {
        drop(spare.send(batch));
    }
}

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod tests;
