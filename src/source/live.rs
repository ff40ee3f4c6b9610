//! A live interface through libpcap, as a source of frames.
//!
//! **Loopback.** The kernel shows a capturing socket every loopback frame twice, once on its way out and once
//! on its way in. libpcap hands out one of them, but both take room in the ring. So on a loopback interface
//! the socket is told to leave outgoing frames out (`PACKET_IGNORE_OUTGOING`). Measured on two busy cores, 2 GiB
//! over one connection, nothing done with the frames: the kernel counts half as many, transfers run at 1.1 to
//! 2.3 GB/s where they ran at 0.8 to 1.9, and a ring of 64 MiB dropped nothing in eight runs, where it dropped
//! frames in one of three.
//!
//! The BPF word `inbound` would do the same, but must not be used: after it sets a filter, libpcap (1.10.3)
//! filters the first block of the ring once more by itself, where it cannot answer what the word asks, and
//! throws the whole block away. Nobody counts those frames: 50 datagrams sent in one block were received by
//! the filter, none dropped, none handed out. So a filter that asks for what only the kernel knows is refused.
//!
//! **Delivery.** The default is blocks of the ring, handed over when full or after [`Options::timeout`].
//! Immediate mode makes libpcap fall back on slots of fixed size, each as long as the longest frame, so that
//! the same ring holds far fewer frames: for interactive use on quiet interfaces only.

#[cfg_attr(target_os = "linux", path = "live/linux/mod.rs")]
#[cfg_attr(not(target_os = "linux"), path = "live/elsewhere.rs")]
mod system;

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::frame::{Away, Frame, LinkType};
use crate::units::{FrameNumber, Timestamp};

use system::{Aliases, Attendance, NANOSECONDS};
pub(crate) use system::{LOOPBACK, RIGHT, how_to_get_the_right, may_capture};

/// Most frames that are handed out at once.
const BATCH: usize = 1024;

/// Why an interface cannot be captured on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This user may not capture.
    #[error(
        "this user may not capture on {interface}: the system wants {RIGHT} ({message}); `imgnet doctor` shows how to grant it"
    )]
    NotAllowed {
        /// The interface.
        interface: String,
        /// What libpcap said.
        message: String,
    },
    /// There is no such interface.
    #[error("there is no interface {interface}; there are: {}", known.join(", "))]
    NoSuchInterface {
        /// As given.
        interface: String,
        /// The names of those that there are.
        known: Vec<String>,
    },
    /// The filter asks for what only the kernel knows (`inbound`, `outbound`, `ifindex`): libpcap would
    /// throw away the first frames without a word (see the module).
    #[error(
        "the capture filter {filter:?} asks for a frame's direction or interface, and libpcap loses the first frames under such a filter: leave that word out and filter by address or port"
    )]
    FilterLosesFrames {
        /// As given.
        filter: String,
    },
    /// libpcap does not understand the filter.
    #[error("the capture filter {filter:?} is not understood: {message}")]
    Filter {
        /// As given.
        filter: String,
        /// What libpcap said.
        message: String,
    },
    /// An option that libpcap cannot take.
    #[error("{option} cannot be {value}: at most {limit}")]
    TooLarge {
        /// Which option.
        option: &'static str,
        /// As given.
        value: usize,
        /// The most.
        limit: usize,
    },
    /// The interface cannot be opened for another reason.
    #[error("{interface} cannot be captured on: {message}")]
    Unusable {
        /// The interface.
        interface: String,
        /// What libpcap said.
        message: String,
    },
    /// Capturing broke off: the interface went down or away.
    #[error("capturing on {interface} broke off: {message}")]
    BrokeOff {
        /// The interface.
        interface: String,
        /// What libpcap or the system said.
        message: String,
    },
    /// The interfaces cannot be listed.
    #[error("the interfaces cannot be listed: {message}")]
    List {
        /// What libpcap said.
        message: String,
    },
}

/// How to capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the interface.
    pub interface: String,
    /// BPF filter as tcpdump takes it; absent for all frames.
    pub filter: Option<String>,
    /// Size of the kernel's ring in bytes, at most 2 GiB − 1.
    pub buffer_bytes: usize,
    /// Most bytes captured of a frame, at most 262,144.
    pub snap_len: u32,
    /// Longest time that a frame waits for others before it is handed over; also how often
    /// [`Live::poll`] comes back on a quiet interface.
    pub timeout: Duration,
    /// Hand over every frame at once, at the price of room in the ring (see the module).
    pub immediate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interface: LOOPBACK.to_owned(),
            filter: None,
            buffer_bytes: 64 << 20,
            snap_len: 262_144,
            timeout: Duration::from_millis(50),
            immediate: false,
        }
    }
}

/// What the capturing system counted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Frames that passed the filter, those dropped included.
    pub received: u64,
    /// Frames dropped because the ring was full.
    pub dropped: u64,
    /// Frames dropped by the interface or its driver; absent where the system does not say. libpcap says 0 there, as it
    /// does of every interface without promiscuous mode, so the kernel is asked instead.
    pub interface_dropped: Option<u64>,
    /// How long the interface was gone; absent where it never was.
    pub away: Option<Away>,
}

/// What one [`Live::poll`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// So many frames were handed out, one or more.
    Frames(usize),
    /// None came within the timeout.
    Idle,
    /// The callback broke off.
    Broken,
}

/// Why an interface cannot be opened, as far as the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// This user may not.
    NotAllowed,
    /// There is none of that name.
    NoSuchInterface,
    /// It does not say.
    Other,
}

/// An open interface.
pub struct Live {
    capture: pcap::Capture<pcap::Active>,
    breaker: pcap::BreakLoop,
    interface: String,
    description: Option<String>,
    index: u32,
    outgoing_ignored: bool,
    link: LinkType,
    buffer_bytes: usize,
    timeout: Duration,
    number: u64,
    last: pcap::Stat,
    total: Statistics,
    attendance: Attendance,
}

impl Live {
    /// Opens an interface without promiscuous mode, in nanoseconds where the system has them.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::NoSuchInterface`], [`Error::Filter`], [`Error::TooLarge`],
    /// [`Error::Unusable`].
    pub fn open(options: &Options) -> Result<Self, Error> {
        let interface = options.interface.clone();
        let unusable = |error: pcap::Error| why_not(&interface, &error);
        let buffer_bytes = limited("the buffer", options.buffer_bytes, i32::MAX)?;
        let snap_len = limited("the snap length", options.snap_len as usize, 262_144)?;
        let timeout = options.timeout.as_millis().clamp(1, 1000);
        let mut capture = pcap::Capture::from_device(options.interface.as_str())
            .map_err(unusable)?
            .promisc(false)
            .snaplen(snap_len)
            .buffer_size(buffer_bytes)
            .timeout(i32::try_from(timeout).unwrap_or(1000))
            .immediate_mode(options.immediate);
        if NANOSECONDS {
            capture = capture.precision(pcap::Precision::Nano);
        }
        let mut capture = capture.open().map_err(unusable)?;
        if let Some(filter) = &options.filter {
            let not_understood = |error: pcap::Error| Error::Filter {
                filter: filter.clone(),
                message: message(&error),
            };
            let program = capture.compile(filter, true).map_err(not_understood)?;
            if asks_the_kernel(&program) {
                return Err(Error::FilterLosesFrames {
                    filter: filter.clone(),
                });
            }
            capture.filter(filter, true).map_err(not_understood)?;
        }
        // A kernel older than 4.20 cannot: then the copies take room in the ring, and libpcap leaves them out.
        let known = interfaces().unwrap_or_default();
        let known = known.into_iter().find(|one| one.name == interface);
        let loopback = known.as_ref().is_some_and(|one| one.loopback);
        let outgoing_ignored = loopback && system::ignore_outgoing(capture.as_fd()).is_ok();
        let mut capture = capture.setnonblock().map_err(unusable)?;
        Ok(Self {
            breaker: capture.breakloop_handle(),
            link: link_type(capture.get_datalink().0),
            capture,
            interface,
            description: known.and_then(|one| one.description),
            index: 0,
            outgoing_ignored,
            buffer_bytes: options.buffer_bytes,
            timeout: options.timeout,
            number: 0,
            last: pcap::Stat {
                received: 0,
                dropped: 0,
                if_dropped: 0,
            },
            total: Statistics::default(),
            attendance: Attendance::of(&options.interface),
        })
    }

    /// Name of the interface.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// What it is, in the system's words; absent where the system has none.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Describes it in other words than the system's, where there are any.
    #[must_use]
    pub fn described(mut self, description: Option<&str>) -> Self {
        if let Some(description) = description {
            self.description = Some(description.to_owned());
        }
        self
    }

    /// Whether the kernel keeps the outgoing copies of loopback frames out of the ring.
    pub fn outgoing_ignored(&self) -> bool {
        self.outgoing_ignored
    }

    /// Size of the kernel's ring in bytes.
    pub fn buffer_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// Longest time that a frame waits for others.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Waits at most so long for frames from now on; the ring hands its blocks over as before.
    pub fn wait_at_most(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Numbers the interface: the frames it hands out from now on say so. It is 0 until then.
    #[must_use]
    pub fn numbered(mut self, index: u32) -> Self {
        self.index = index;
        self
    }

    /// Hands out what is there, at most 1024 frames, and waits for nothing.
    ///
    /// # Errors
    /// [`Error::BrokeOff`].
    pub fn take(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<Polled, Error> {
        self.dispatch(each)
    }

    /// Link-layer header type of its frames.
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Hands out what is there, at most 1024 frames; waits for it, where nothing is, for the timeout.
    ///
    /// # Errors
    /// [`Error::BrokeOff`].
    pub fn poll(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<Polled, Error> {
        match self.dispatch(each)? {
            Polled::Idle => {
                self.wait(self.timeout)?;
                self.dispatch(each)
            }
            polled => Ok(polled),
        }
    }

    /// What the system counted so far.
    ///
    /// # Errors
    /// [`Error::BrokeOff`].
    pub fn statistics(&mut self) -> Result<Statistics, Error> {
        let now = self
            .capture
            .stats()
            .map_err(|error| self.broke_off(&error))?;
        // libpcap counts in 32 bits: what is new since last time is right as long as it is asked often.
        let more = |now: u32, last: u32| u64::from(now.wrapping_sub(last));
        self.total.received += more(now.received, self.last.received);
        self.total.dropped += more(now.dropped, self.last.dropped);
        // What was known before the interface went away stays known.
        let missed = self.attendance.missed();
        self.total.interface_dropped = missed.or(self.total.interface_dropped);
        self.total.away = self.attendance.away();
        self.last = now;
        Ok(self.total)
    }

    fn dispatch(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<Polled, Error> {
        self.look()?;
        let Self {
            capture,
            breaker,
            link,
            number,
            index,
            ..
        } = self;
        let mut count = 0_usize;
        let mut broken = false;
        let result = capture.dispatch(Some(BATCH), |packet| {
            // libpcap may have one more at hand when the loop is broken.
            if broken {
                return;
            }
            count += 1;
            *number += 1;
            let captured = u32::try_from(packet.data.len()).unwrap_or(u32::MAX);
            let frame = Frame {
                number: FrameNumber(*number),
                time: time(&packet),
                link: *link,
                interface: *index,
                wire_len: packet.header.len.max(captured),
                data: packet.data,
                after_end: false,
            };
            if each(&frame).is_break() {
                broken = true;
                breaker.breakloop();
            }
        });
        match result {
            _ if broken => Ok(Polled::Broken),
            Ok(_) if count == 0 => Ok(Polled::Idle),
            Ok(_) => Ok(Polled::Frames(count)),
            Err(pcap::Error::TimeoutExpired) => Ok(Polled::Idle),
            Err(error) => Err(self.broke_off(&error)),
        }
    }

    /// Notes where the interface went or came back.
    fn look(&mut self) -> Result<(), Error> {
        self.attendance
            .look(self.capture.as_fd())
            .map_err(|error| Error::BrokeOff {
                interface: self.interface.clone(),
                message: error.to_string(),
            })
    }

    /// Waits until something was captured, a signal came, or the time is over.
    fn wait(&self, timeout: Duration) -> Result<(), Error> {
        let timeout = Timespec::try_from(timeout).ok();
        let mut fds = [PollFd::from_borrowed_fd(
            self.capture.as_fd(),
            PollFlags::IN,
        )];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(Error::BrokeOff {
                interface: self.interface.clone(),
                message: error.to_string(),
            }),
        }
    }

    fn broke_off(&self, error: &pcap::Error) -> Error {
        Error::BrokeOff {
            interface: self.interface.clone(),
            message: message(error),
        }
    }
}

impl AsFd for Live {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

/// An interface that can be captured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Name.
    pub name: String,
    /// Description; absent where the system has none.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is a loopback interface.
    pub loopback: bool,
    /// Whether it is up.
    pub up: bool,
}

/// The interfaces of this machine, or of the network namespace that the process is in; needs no privilege.
///
/// # Errors
/// [`Error::List`].
pub fn interfaces() -> Result<Vec<Interface>, Error> {
    let devices = pcap::Device::list().map_err(|error| Error::List {
        message: message(&error),
    })?;
    let aliases = Aliases::open();
    let interfaces = devices.into_iter().map(|device| Interface {
        loopback: device.flags.is_loopback(),
        up: device.flags.is_up(),
        addresses: device.addresses.iter().map(|at| at.addr).collect(),
        description: device
            .desc
            .or_else(|| aliases.of(&device.name))
            .or_else(|| device.flags.is_loopback().then(|| "Loopback".to_owned())),
        name: device.name,
    });
    Ok(interfaces.collect())
}

fn time(packet: &pcap::Packet<'_>) -> Option<Timestamp> {
    let unit = if NANOSECONDS { 1 } else { 1000 };
    // The widths of a timeval's fields differ between systems.
    #[expect(
        clippy::useless_conversion,
        reason = "they are 32 bits wide on some systems"
    )]
    let (seconds, fraction) = (
        i64::from(packet.header.ts.tv_sec),
        i64::from(packet.header.ts.tv_usec),
    );
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(fraction.checked_mul(unit)?)
        .map(Timestamp)
}

/// From libpcap's number for a live link type (DLT) to that for files, where they differ.
fn link_type(dlt: i32) -> LinkType {
    LinkType(match dlt {
        // DLT_RAW, as Linux and as OpenBSD number it.
        12 | 14 => LinkType::RAW.0,
        dlt => u16::try_from(dlt).unwrap_or(u16::MAX),
    })
}

/// Whether a filter program loads what is not in the frame: the kernel has it at offsets from `SKF_AD_OFF`
/// on (linux/filter.h). The two of VLAN tags are known to libpcap as well.
fn asks_the_kernel(program: &pcap::BpfProgram) -> bool {
    const BPF_LD: u16 = 0;
    const BPF_LDX: u16 = 1;
    const ANCILLARY: u32 = 0xffff_f000;
    const VLAN_TAG: u32 = ANCILLARY + 44;
    const VLAN_TAG_PRESENT: u32 = ANCILLARY + 48;
    program.get_instructions().iter().any(|instruction| {
        // The crate shows an instruction's fields as text alone: code, two jumps, operand.
        let text = instruction.to_string();
        let mut fields = text.split(' ');
        let code = fields.next().and_then(|code| code.parse::<u16>().ok());
        let operand = fields
            .nth(2)
            .and_then(|operand| operand.parse::<u32>().ok());
        let load = code.is_some_and(|code| matches!(code & 7, BPF_LD | BPF_LDX));
        load && operand.is_some_and(|operand| {
            operand >= ANCILLARY && !matches!(operand, VLAN_TAG | VLAN_TAG_PRESENT)
        })
    })
}

fn limited(option: &'static str, value: usize, limit: i32) -> Result<i32, Error> {
    match i32::try_from(value) {
        Ok(value) if value <= limit => Ok(value),
        _ => Err(Error::TooLarge {
            option,
            value,
            limit: usize::try_from(limit).unwrap_or_default(),
        }),
    }
}

/// libpcap's own words where there are some.
fn message(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(message) => message.clone(),
        other => other.to_string(),
    }
}

/// Why an interface could not be opened. libpcap tells in words alone, so the system is asked.
fn why_not(interface: &str, error: &pcap::Error) -> Error {
    let (interface, message) = (interface.to_owned(), message(error));
    match system::refusal(&interface) {
        Refusal::NotAllowed => Error::NotAllowed { interface, message },
        Refusal::NoSuchInterface => {
            let known = interfaces().unwrap_or_default();
            Error::NoSuchInterface {
                interface,
                known: known.into_iter().map(|one| one.name).collect(),
            }
        }
        Refusal::Other => Error::Unusable { interface, message },
    }
}

#[cfg(test)]
/// All frames that were captured so far: the kernel hands a block over after the timeout at the latest, which is less than
/// three quiet polls.
pub(crate) fn drain(live: &mut Live, each: &mut dyn FnMut(&Frame<'_>)) {
    let mut quiet = 0;
    while quiet < 3 {
        let mut going_on = |frame: &Frame<'_>| {
            each(frame);
            ControlFlow::Continue(())
        };
        match live.poll(&mut going_on).unwrap() {
            Polled::Idle => quiet += 1,
            _ => quiet = 0,
        }
    }
}

#[cfg(test)]
mod tests;
