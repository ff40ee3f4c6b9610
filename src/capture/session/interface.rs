//! Live interfaces as the device of a session: one, or several at once.

use std::ops::ControlFlow;
use std::os::fd::AsFd as _;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Device, DeviceFailure, Statistics};
use crate::frame::{Frame, LinkType};
use crate::source::live::{Live, Polled};

impl Device for Live {
    fn link(&self) -> LinkType {
        Self::link(self)
    }

    fn ring_bytes(&self) -> Option<u64> {
        Some(self.buffer_bytes() as u64)
    }

    fn read(&mut self, each: &mut dyn FnMut(&Frame<'_>)) -> Result<u64, DeviceFailure> {
        let polled = self.poll(&mut |frame| {
            each(frame);
            ControlFlow::Continue(())
        });
        frames(polled)
    }

    fn wait_at_most(&mut self, time: Duration) {
        Self::wait_at_most(self, time);
    }

    fn statistics(&mut self) -> Vec<Option<Statistics>> {
        vec![statistics(self)]
    }
}

/// Several interfaces: their frames come in turns, so that those of different interfaces may be some milliseconds out
/// of order.
impl Device for Vec<Live> {
    fn link(&self) -> LinkType {
        self.first().map_or(LinkType::ETHERNET, Live::link)
    }

    fn ring_bytes(&self) -> Option<u64> {
        self.iter().map(|live| live.buffer_bytes() as u64).min()
    }

    fn read(&mut self, each: &mut dyn FnMut(&Frame<'_>)) -> Result<u64, DeviceFailure> {
        if let [one] = self.as_mut_slice() {
            return one.read(each);
        }
        let mut round = |all: &mut Self| {
            let mut read = 0_u64;
            for live in all.iter_mut() {
                let taken = live.take(&mut |frame| {
                    each(frame);
                    ControlFlow::Continue(())
                });
                read = read.saturating_add(frames(taken)?);
            }
            Ok(read)
        };
        match round(self) {
            Ok(0) => {}
            other => return other,
        }
        {
            let mut fds: Vec<PollFd<'_>> = self
                .iter()
                .map(|live| PollFd::from_borrowed_fd(live.as_fd(), PollFlags::IN))
                .collect();
            let timeout = self
                .iter()
                .map(Live::timeout)
                .min()
                .and_then(|timeout| Timespec::try_from(timeout).ok());
            // A signal ends the wait, and a failure of an interface is told by its next read.
            let _ = poll(&mut fds, timeout.as_ref());
        }
        round(self)
    }

    fn wait_at_most(&mut self, time: Duration) {
        for live in self {
            live.wait_at_most(time);
        }
    }

    fn statistics(&mut self) -> Vec<Option<Statistics>> {
        self.iter_mut().map(statistics).collect()
    }
}

fn frames(polled: Result<Polled, crate::source::live::Error>) -> Result<u64, DeviceFailure> {
    match polled {
        Ok(Polled::Frames(frames)) => Ok(frames as u64),
        Ok(_) => Ok(0),
        Err(error) => Err(DeviceFailure(Box::new(error))),
    }
}

fn statistics(live: &mut Live) -> Option<Statistics> {
    let statistics = live.statistics().ok()?;
    Some(Statistics {
        received: statistics.received,
        dropped: statistics.dropped,
        interface_dropped: statistics.interface_dropped,
        away: statistics.away,
    })
}
