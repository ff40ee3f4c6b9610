//! What is told where the system refuses memory. Rust would end the program by SIGABRT, with words that help nobody; here it
//! ends as on any other error.
//!
//! The limits (`--max-memory`) keep a program far from it. What remains is a machine whose memory others took meanwhile.

#![expect(
    unsafe_code,
    reason = "an allocator is unsafe to implement; this one hands everything on to the system's, and looks at what came back"
)]

use std::alloc::{GlobalAlloc, Layout, System};

use super::exit::Exit;

/// The system's allocator; a program that gets no memory from it says so, and ends.
#[derive(Debug)]
pub struct Telling {
    /// What the program is called.
    pub program: &'static str,
}

// SAFETY: each call is handed on as it came, so what the caller promises holds, and what `System` promises comes back.
unsafe impl GlobalAlloc for Telling {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        self.given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        self.given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: as above.
        self.given(unsafe { System.realloc(at, layout, bytes) }, bytes)
    }
}

impl Telling {
    #[inline]
    fn given(&self, at: *mut u8, bytes: usize) -> *mut u8 {
        if at.is_null() {
            self.end(bytes);
        }
        at
    }

    /// Ends the program without asking for memory again: nothing is formatted, nothing is dropped.
    #[cold]
    fn end(&self, bytes: usize) -> ! {
        let mut digits = [0_u8; 20];
        let number = decimal(bytes, &mut digits);
        for part in [
            self.program.as_bytes(),
            b": the system refuses memory (",
            number,
            b" bytes): give --max-memory less than it has, or let this process have more\n",
        ] {
            // Where it cannot be told, there is nothing left to do.
            let _ = rustix::io::write(rustix::stdio::stderr(), part);
        }
        // SAFETY: it ends the process at once, and no handler runs that could ask for memory.
        unsafe { libc::_exit(i32::from(Exit::Usage.code())) }
    }
}

/// A number in decimal, written into these bytes.
fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        // The remainder of ten is a digit.
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        at = index;
        if number == 0 {
            break;
        }
    }
    digits.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_are_written_without_memory() {
        for number in [0, 7, 10, 4_908, usize::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }
}
