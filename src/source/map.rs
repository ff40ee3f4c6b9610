//! A file as memory, that may be cut while it is read. The only unsafe lines of this room.
//!
//! A page of a map that lies beyond the end of its file cannot be read: the kernel sends SIGBUS, which ends a process.
//! Here a handler puts zeros in the place of what is gone and notes that the file was cut, so that the reader finds out
//! ([`Map::was_cut`]), throws away what it made of zeros, and reads what is left another way. A SIGBUS from anywhere
//! else does what it did before.
#![expect(
    unsafe_code,
    reason = "a memory map is only as constant as the file below it, which no type can promise; a signal handler"
)]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use memmap2::{Advice, Mmap};

/// Most files mapped at once; more are read through buffers.
const MOST: usize = 64;

/// Where a map lies, for the handler: `start` is 0 where the place is free.
struct Region {
    taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    cut: AtomicBool,
}

static REGIONS: [Region; MOST] = [const {
    Region {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        cut: AtomicBool::new(false),
    }
}; MOST];

/// All of a file, readable to its length at the time of mapping whatever becomes of the file.
#[derive(Debug)]
pub(super) struct Map {
    map: Mmap,
    region: &'static Region,
}

impl std::fmt::Debug for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Region").finish_non_exhaustive()
    }
}

/// Asks the processor for the first 128 bytes of `bytes`, which are needed soon: the header of a record of a capture file
/// lies where the record before says, so that no hardware can guess it.
#[inline]
pub(super) fn fetch_ahead(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in [bytes.first(), bytes.get(64)].into_iter().flatten() {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction reads nothing that a program could see and never faults; and the address is that of a byte
        // of the slice.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(line).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

impl Map {
    /// Maps all of `file` for reading.
    ///
    /// # Errors
    /// Where the file system cannot map, or too many files are mapped.
    pub(super) fn new(file: &File) -> io::Result<Self> {
        catch_bus_errors();
        let region = REGIONS
            .iter()
            .find(|region| !region.taken.swap(true, Ordering::AcqRel))
            .ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: the map is read-only and private to this process. Bytes that change under the reader can give
        // wrong frames but no invalid values, because nothing but `u8` is ever read from it, each access checked
        // against the length at this moment; and where the file shrinks, the handler below keeps it readable.
        let map = unsafe { Mmap::map(file) };
        let map = map.inspect_err(|_| region.taken.store(false, Ordering::Release))?;
        // Advice only: reading goes from front to back.
        let _ = map.advise(Advice::Sequential);
        let start = map.as_ptr().addr();
        region.cut.store(false, Ordering::Release);
        region.end.store(start + map.len(), Ordering::Release);
        region.start.store(start, Ordering::Release);
        Ok(Self { map, region })
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Whether something was read of it that the file no longer had.
    pub(super) fn was_cut(&self) -> bool {
        self.region.cut.load(Ordering::Acquire)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        self.region.start.store(0, Ordering::Release);
        self.region.end.store(0, Ordering::Release);
        self.region.taken.store(false, Ordering::Release);
    }
}

/// What was done about SIGBUS before.
static mut BEFORE: MaybeUninit<libc::sigaction> = MaybeUninit::uninit();

fn catch_bus_errors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: an all-zero sigaction is a valid one; the handler has the signature that SA_SIGINFO asks for, and
        // does nothing that a handler may not do. `BEFORE` is written here alone, before the handler can run.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_bus_error as *const () as usize;
            // On the alternative stack where a thread has one, as the standard library's own handlers.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            let mut before: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut before);
            (&raw mut BEFORE).write(MaybeUninit::new(before));
            libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
        }
    });
}

/// Puts zeros where a mapped file has ended, from the page that was read to the end of the map.
extern "C" fn on_bus_error(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel gives a valid siginfo to a handler with SA_SIGINFO.
    let at = unsafe { (*info).si_addr() }.addr();
    for region in &REGIONS {
        let (start, end) = (
            region.start.load(Ordering::Acquire),
            region.end.load(Ordering::Acquire),
        );
        if start == 0 || !(start..end).contains(&at) {
            continue;
        }
        // Noted first: whoever reads a zero finds the note.
        region.cut.store(true, Ordering::Release);
        // Pages are 4 KiB or a multiple; where they are larger, the whole of the page is gone anyway.
        // SAFETY: sysconf has no state; the pages lie within a map of this process that nobody writes to, and are
        // replaced by pages as readable as those.
        let replaced = unsafe {
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
            let from = at - at % page;
            libc::mmap(
                std::ptr::with_exposed_provenance_mut(from),
                end - from,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if replaced != libc::MAP_FAILED {
            return;
        }
    }
    // Not ours: as it was before, when the read is tried again.
    // SAFETY: `BEFORE` was written before this handler was put in place, and is never written again.
    unsafe {
        let before = (&raw const BEFORE).cast::<libc::sigaction>();
        libc::sigaction(signal, before, std::ptr::null_mut());
    }
    let _ = context;
}
