//! Whether a captured interface is there, and the capture's way back to it.
//!
//! The kernel tells a capturing socket once that its interface went down (`ENETDOWN`). libpcap, told so, looks after the
//! interface by its name, which a confined process may not do in every way and which fails for good where the interface was
//! renamed or removed: so the word is taken before libpcap hears it. An interface that only was down delivers to the same
//! socket again, under whatever name. One that was removed never does: another one of the same name and kind takes its place.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant, SystemTime};

use rustix::io::Errno;
use rustix::net::{netdevice, sockopt};

use super::outgoing;
use crate::frame::Away;
use crate::source::netlink::Netlink;
use crate::units::Timestamp;

/// How often an interface that is gone is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Of one interface.
pub(super) struct Presence {
    netlink: Netlink,
    name: String,
    index: u32,
    /// What its frames begin with (`ARPHRD_…`).
    hardware: u16,
    gone: Option<Gone>,
    away: Option<Away>,
}

/// An absence that lasts.
#[derive(Clone, Copy)]
struct Gone {
    since: Instant,
    from: Timestamp,
    looked: Instant,
}

impl Presence {
    /// Absent where it is no interface of its own (`any`), or the system does not say.
    pub(super) fn of(name: &str) -> Option<Self> {
        let netlink = Netlink::open().ok()?;
        let index = netdevice::name_to_index(&netlink, name).ok()?;
        let hardware = netlink.link(index).ok()?.hardware;
        Some(Self {
            netlink,
            name: name.to_owned(),
            index,
            hardware,
            gone: None,
            away: None,
        })
    }

    /// Takes the socket's word that its interface went, and looks for one that did. Says whether another interface took its
    /// place.
    ///
    /// # Errors
    /// Another failure of the socket.
    pub(super) fn look(&mut self, socket: BorrowedFd<'_>) -> Result<bool, Errno> {
        match sockopt::socket_error(socket)? {
            Ok(()) => {}
            Err(Errno::NETDOWN) => self.went(),
            Err(error) => return Err(error),
        }
        let Some(gone) = &mut self.gone else {
            return Ok(false);
        };
        if gone.looked.elapsed() < LOOK {
            return Ok(false);
        }
        gone.looked = Instant::now();
        match self.netlink.link(self.index) {
            Ok(link) if link.up => {
                self.came();
                Ok(false)
            }
            Err(Errno::NODEV) => Ok(self.replace(socket)),
            _ => Ok(false),
        }
    }

    /// Another interface of the same name and kind, where there is one that is up.
    fn replace(&mut self, socket: BorrowedFd<'_>) -> bool {
        let Ok(index) = netdevice::name_to_index(&self.netlink, &self.name) else {
            return false;
        };
        let same = self
            .netlink
            .link(index)
            .is_ok_and(|link| link.up && link.hardware == self.hardware);
        if !same || outgoing::bind_to(socket, index).is_err() {
            return false;
        }
        self.index = index;
        self.came();
        true
    }

    /// The number of the interface.
    pub(super) fn index(&self) -> u32 {
        self.index
    }

    fn went(&mut self) {
        let now = Instant::now();
        // Looked for at the next occasion.
        let looked = now.checked_sub(LOOK).unwrap_or(now);
        self.gone.get_or_insert(Gone {
            since: now,
            from: clock(),
            looked,
        });
    }

    fn came(&mut self) {
        self.away = self.away();
        self.gone = None;
        if let Some(away) = &mut self.away {
            away.back = true;
        }
    }

    /// How long it was gone until now; absent where it never was.
    pub(super) fn away(&self) -> Option<Away> {
        let Some(gone) = &self.gone else {
            return self.away;
        };
        let lasting = Away {
            times: 1,
            nanoseconds: u64::try_from(gone.since.elapsed().as_nanos()).unwrap_or(u64::MAX),
            from: gone.from,
            until: clock(),
            back: false,
        };
        Some(self.away.map_or(lasting, |before| before.and(lasting)))
    }
}

fn clock() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
