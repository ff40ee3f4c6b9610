//! From an interface's time units to nanoseconds since 1970 (pcapng options `if_tsresol`, `if_tsoffset`).

use crate::source::summary::TimeResolution;
use crate::units::Timestamp;

/// How an interface's 64-bit times are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    unit: Unit,
    /// Seconds to add.
    offset_seconds: i64,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    /// So many nanoseconds a tick.
    Nanoseconds(u64),
    /// So many ticks a nanosecond; 0 where a nanosecond has more than a `u128` can count.
    Parts(u128),
    /// 2 to the power of minus this, in seconds.
    Binary(u8),
    /// The option that tells is malformed.
    Unknown,
}

impl Clock {
    /// Of a resolution and an offset; either absent where the file's option is malformed: then every
    /// time is unknown.
    pub(super) fn new(resolution: Option<TimeResolution>, offset_seconds: Option<i64>) -> Self {
        let unit = match resolution {
            _ if offset_seconds.is_none() => Unit::Unknown,
            Some(TimeResolution::Decimal(power)) => match u32::from(power) {
                power @ ..=9 => Unit::Nanoseconds(10_u64.pow(9 - power)),
                power => Unit::Parts(10_u128.checked_pow(power - 9).unwrap_or(0)),
            },
            Some(TimeResolution::Binary(power)) => Unit::Binary(power),
            None => Unit::Unknown,
        };
        Self {
            unit,
            offset_seconds: offset_seconds.unwrap_or(0),
        }
    }

    /// The moment after so many ticks, rounded down to the nanosecond; absent where the unit is unknown
    /// or the moment lies outside the years 1677 to 2262.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Option<Timestamp> {
        if let (Unit::Nanoseconds(unit), 0) = (self.unit, self.offset_seconds) {
            return i64::try_from(ticks.checked_mul(unit)?).ok().map(Timestamp);
        }
        self.time_with_offset(ticks)
    }

    /// As [`Self::time`]; in 128 bits, because the ticks alone may be out of range where the sum is not.
    fn time_with_offset(&self, ticks: u64) -> Option<Timestamp> {
        let ticks = u128::from(ticks);
        // Below 2^64 · 10^9 < 2^94 in every case.
        let nanoseconds = match self.unit {
            Unit::Nanoseconds(unit) => ticks * u128::from(unit),
            Unit::Parts(parts) => ticks.checked_div(parts).unwrap_or(0),
            Unit::Binary(power) => (ticks * 1_000_000_000)
                .checked_shr(u32::from(power))
                .unwrap_or(0),
            Unit::Unknown => return None,
        };
        let nanoseconds = i128::try_from(nanoseconds).ok()?;
        let offset = i128::from(self.offset_seconds) * 1_000_000_000;
        i64::try_from(nanoseconds + offset).ok().map(Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(resolution: TimeResolution, offset: i64, ticks: u64) -> Option<i64> {
        let clock = Clock::new(Some(resolution), Some(offset));
        clock.time(ticks).map(|time| time.0)
    }

    #[test]
    fn decimal_resolutions() {
        use TimeResolution::Decimal;
        assert_eq!(time(Decimal(0), 0, 3), Some(3_000_000_000));
        assert_eq!(time(Decimal(6), 0, 1_500_001), Some(1_500_001_000));
        assert_eq!(time(Decimal(9), 0, 1_500_001), Some(1_500_001));
        assert_eq!(time(Decimal(12), 0, 1_999), Some(1));
        // tshark 4.0 overflows here and shows 123456.014249094.
        assert_eq!(
            time(Decimal(12), 0, 123_456_789_012_345_678),
            Some(123_456_789_012_345)
        );
        assert_eq!(time(Decimal(127), 7, u64::MAX), Some(7_000_000_000));
    }

    #[test]
    fn base_2_resolutions() {
        use TimeResolution::Binary;
        assert_eq!(time(Binary(0), 0, 3), Some(3_000_000_000));
        assert_eq!(
            time(Binary(20), 0, (1000 << 20) | 1 << 19),
            Some(1_000_500_000_000)
        );
        // One tick of 2^-32 s is 0.23 ns.
        assert_eq!(time(Binary(32), 0, 5), Some(1));
        assert_eq!(time(Binary(127), -1, u64::MAX), Some(-1_000_000_000));
    }

    #[test]
    fn an_offset_may_bring_ticks_into_range_or_out_of_it() {
        use TimeResolution::Decimal;
        let ticks = 10_000_000_000;
        assert_eq!(time(Decimal(0), 0, ticks), None);
        assert_eq!(time(Decimal(0), -9_999_999_999, ticks), Some(1_000_000_000));
        assert_eq!(time(Decimal(9), i64::MAX, 1), None);
        assert_eq!(time(Decimal(9), i64::MIN, 1), None);
        assert_eq!(time(Decimal(6), 0, u64::MAX), None);
    }

    #[test]
    fn malformed_options_make_times_unknown() {
        assert_eq!(Clock::new(None, Some(0)).time(1), None);
        let resolution = Some(TimeResolution::Decimal(9));
        assert_eq!(Clock::new(resolution, None).time(1), None);
    }
}
