//! Whether the programs of a run were told to end, and since when: what follows is not what they did by themselves.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use etherparse::{SlicedPacket, TransportSlice};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::frame::{Frame, LinkType};
use crate::units::Timestamp;

/// That what was left running was ended is heard after so long at most, mostly at once.
const HEARD: Duration = Duration::from_millis(20);
/// A segment that closes a connection carries few bytes or none; longer frames are not looked into.
const SHORT: usize = 120;
/// Whether a signal waits is looked up no more often than that, however many connections close.
const LOOKED: Duration = Duration::from_micros(200);

/// Whether the programs were told to end, and since when.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// Set by the handlers of signals, and where imgnet itself ends what is left.
    pub(super) flag: Arc<AtomicBool>,
    /// Nanoseconds since 1970; 0 until somebody looked after the flag was set.
    since: Arc<AtomicI64>,
    /// When somebody last looked, and nobody had been told. Nanoseconds since 1970; 0 before that.
    clear: Arc<AtomicI64>,
    /// What the system says of this process; absent where it does not say it.
    status: Option<Arc<File>>,
}

impl Told {
    /// Nobody was told yet, and signals that are on their way to this process count as well.
    pub(super) fn by_signals() -> Self {
        Self {
            status: File::open("/proc/self/status").ok().map(Arc::new),
            ..Self::default()
        }
    }

    /// They are told to end now.
    pub(super) fn now(&self) {
        self.flag.store(true, Ordering::Relaxed);
        let _ = self.since();
    }

    /// Since when the programs end because they were told to; absent while they were not.
    ///
    /// Ctrl-C reaches them, too, and on a busy machine their sockets close before a thread of imgnet wakes up: it is since somebody
    /// last looked and found nothing.
    pub(super) fn since(&self) -> Option<Timestamp> {
        if !self.flag.load(Ordering::Relaxed) {
            return None;
        }
        let known = self.since.load(Ordering::Relaxed);
        if known != 0 {
            return Some(Timestamp(known));
        }
        let heard = i64::try_from(HEARD.as_nanos()).ok()?;
        let before = wall()?.saturating_sub(heard);
        let since = match self.clear.load(Ordering::Relaxed) {
            0 => before,
            clear => before.min(clear),
        };
        match self
            .since
            .compare_exchange(0, since, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => Some(Timestamp(since)),
            Err(earlier) => Some(Timestamp(earlier)),
        }
    }

    /// Looks whether they were told: by a signal, too, that no thread of this process has taken yet.
    pub(super) fn look(&self) {
        if self.flag.load(Ordering::Relaxed) {
            return;
        }
        let now = wall();
        if self.is_pending() {
            self.flag.store(true, Ordering::Relaxed);
        } else if !self.flag.load(Ordering::Relaxed)
            && let Some(now) = now
        {
            self.clear.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// Looks once more where a frame closes a connection: that is what programs do that are told to end.
    pub(super) fn look_at(&self, frame: &Frame<'_>) {
        let idle = self.status.is_none() || self.flag.load(Ordering::Relaxed);
        if !idle && closes(frame) && !self.has_just_looked() {
            self.look();
        }
    }

    fn has_just_looked(&self) -> bool {
        let since = wall().map(|now| now.saturating_sub(self.clear.load(Ordering::Relaxed)));
        since
            .is_some_and(|since| u128::try_from(since).is_ok_and(|since| since < LOOKED.as_nanos()))
    }

    fn is_pending(&self) -> bool {
        let Some(status) = &self.status else {
            return false;
        };
        let mut text = [0; 4096];
        let read = status.read_at(&mut text, 0).unwrap_or(0);
        is_pending(text.get(..read).unwrap_or_default())
    }
}

/// Whether a signal that ends programs waits for a process, of which this is the text of `/proc/PID/status`.
fn is_pending(status: &[u8]) -> bool {
    let bits: u64 = [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
        .iter()
        .map(|signal| 1 << (signal - 1))
        .sum();
    status
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"ShdPnd:"))
        .filter_map(|rest| std::str::from_utf8(rest).ok())
        .filter_map(|rest| u64::from_str_radix(rest.trim(), 16).ok())
        .any(|pending| pending & bits != 0)
}

/// Whether a frame of a private network has FIN or RST.
fn closes(frame: &Frame<'_>) -> bool {
    if frame.link != LinkType::ETHERNET || frame.data.len() > SHORT {
        return false;
    }
    let packet = SlicedPacket::from_ethernet(frame.data);
    match packet.map(|packet| packet.transport) {
        Ok(Some(TransportSlice::Tcp(header))) => header.fin() || header.rst(),
        _ => false,
    }
}

/// Nanoseconds since 1970.
fn wall() -> Option<i64> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(now.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;
    use crate::units::FrameNumber;

    #[test]
    fn a_signal_that_waits_is_found_in_the_words_of_the_system() {
        let status = |pending: &str| {
            format!(
                "Name:\timgnet\nSigPnd:\t0000000000000002\nShdPnd:\t{pending}\nSigBlk:\t0000000000000002\n"
            )
        };
        let waits = |pending| is_pending(status(pending).as_bytes());
        for (pending, ends) in [
            ("0000000000000000", false),
            ("0000000000000001", true),
            ("0000000000000002", true),
            ("0000000000000004", true),
            ("0000000000004000", true),
            // SIGKILL, SIGUSR1, SIGALRM and SIGCHLD.
            ("0000000000012300", false),
            ("", false),
        ] {
            assert_eq!(waits(pending), ends, "{pending}");
        }
        let all = Told::by_signals();
        assert!(all.status.is_some());
        all.look();
        assert_eq!(all.since(), None);
        assert_ne!(all.clear.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn they_are_told_since_somebody_last_found_nothing() {
        let told = Told::default();
        let now = wall().unwrap();
        told.clear.store(now - 700_000_000, Ordering::Relaxed);
        told.now();
        assert_eq!(told.since(), Some(Timestamp(now - 700_000_000)));
        // Just now: what was heard late.
        let told = Told::default();
        told.look();
        let before = wall().unwrap();
        told.now();
        let since = told.since().unwrap().0;
        assert!(since <= before, "{since} {before}");
        assert!(since >= now - 20_000_000, "{since} {now}");
    }

    #[test]
    fn a_frame_that_closes_is_looked_into() {
        let frame = |data: &[u8], link| {
            closes(&Frame {
                number: FrameNumber(1),
                time: None,
                link,
                interface: 0,
                wire_len: 0,
                data,
                after_end: false,
            })
        };
        let tcp = || {
            PacketBuilder::ethernet2([0; 6], [0; 6])
                .ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64)
                .tcp(1, 2, 3, 4)
        };
        let built = |builder: etherparse::PacketBuilderStep<etherparse::TcpHeader>,
                     payload: &[u8]| {
            let mut out = Vec::new();
            builder.write(&mut out, payload).unwrap();
            out
        };
        assert!(frame(&built(tcp().fin(), b""), LinkType::ETHERNET));
        assert!(frame(&built(tcp().rst(), b""), LinkType::ETHERNET));
        assert!(!frame(&built(tcp().ack(1), b""), LinkType::ETHERNET));
        assert!(!frame(&built(tcp().fin(), &[0; 200]), LinkType::ETHERNET));
        assert!(!frame(&built(tcp().fin(), b""), LinkType::NULL));
        assert!(!frame(b"", LinkType::ETHERNET));
    }
}
