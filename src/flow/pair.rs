//! The two directions of a stream, without an index that could be out of range.

use std::ops::{Index, IndexMut};

/// Which of two directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The direction of the stream's first frame.
    First,
    /// The other one.
    Second,
}

impl Side {
    /// Both, in order.
    pub(crate) const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The other one.
    #[must_use]
    pub(crate) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// One of something for each direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pair<T> {
    first: T,
    second: T,
}

impl<T> Pair<T> {
    /// One for each direction.
    pub(crate) fn new(first: T, second: T) -> Self {
        Self { first, second }
    }

    /// The one of `side`, then the other, to be changed together.
    pub(crate) fn ours_and_theirs(&mut self, side: Side) -> (&mut T, &mut T) {
        match side {
            Side::First => (&mut self.first, &mut self.second),
            Side::Second => (&mut self.second, &mut self.first),
        }
    }

    /// Both, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.first, &self.second].into_iter()
    }

    /// Both, in order, by value.
    pub(crate) fn into_both(self) -> [T; 2] {
        [self.first, self.second]
    }
}

impl<T> Index<Side> for Pair<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::First => &self.first,
            Side::Second => &self.second,
        }
    }
}

impl<T> IndexMut<Side> for Pair<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        }
    }
}
