//! A live interface as the device of a session.

use std::ops::ControlFlow;

use super::{Device, DeviceFailure, Statistics};
use crate::frame::{Frame, LinkType};
use crate::source::live::{Live, Polled};

impl Device for Live {
    fn link(&self) -> LinkType {
        Self::link(self)
    }

    fn read(&mut self, each: &mut dyn FnMut(&Frame<'_>)) -> Result<u64, DeviceFailure> {
        let polled = self.poll(&mut |frame| {
            each(frame);
            ControlFlow::Continue(())
        });
        match polled {
            Ok(Polled::Frames(frames)) => Ok(frames as u64),
            Ok(_) => Ok(0),
            Err(error) => Err(DeviceFailure(Box::new(error))),
        }
    }

    fn statistics(&mut self) -> Option<Statistics> {
        let statistics = Self::statistics(self).ok()?;
        Some(Statistics {
            received: statistics.received,
            dropped: statistics.dropped,
            interface_dropped: statistics.interface_dropped,
        })
    }
}
