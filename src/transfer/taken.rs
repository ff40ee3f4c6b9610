//! Whether the program on the other side has taken what was sent, where it runs on this machine: the kernel tells how many
//! bytes lie in its socket (`sock_diag(7)`), whoever asks.
//!
//! Programs that take one `recv` for one `send` need that: what waits with the bytes before it comes out with them.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::fd::OwnedFd;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

/// `struct nlmsghdr`, and `SOCK_DIAG_BY_FAMILY` as its type.
const HEADER: usize = 16;
const BY_FAMILY: u16 = 20;
const REQUEST: u16 = 1;

/// Where `struct inet_diag_msg` has the length of the receive queue: behind four bytes, the addresses (48) and a time.
const RECEIVE_QUEUE: usize = HEADER + 4 + 48 + 4;

/// One socket for all: it belongs to the network in which it was opened, and goes on to work in a confined process.
static KERNEL: OnceLock<Mutex<Option<OwnedFd>>> = OnceLock::new();

/// Opens the way to the kernel. A server calls it before it is confined; without it nothing is known.
pub(super) fn prepare() {
    let _ = kernel();
}

fn kernel() -> &'static Mutex<Option<OwnedFd>> {
    KERNEL.get_or_init(|| {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(SOCK_DIAG),
        );
        Mutex::new(socket.ok())
    })
}

/// How many bytes lie in the TCP socket of `peer`, which is connected to `local`, and were not read; absent where that runs on
/// another machine (or in another network namespace), and where the kernel does not tell.
pub(super) fn waiting(local: SocketAddr, peer: SocketAddr) -> Option<u32> {
    let request = request(local, peer)?;
    let kernel = kernel().lock().unwrap_or_else(PoisonError::into_inner);
    let socket = kernel.as_ref()?;
    let to = SocketAddrNetlink::new(0, 0);
    sendto(socket, &request, SendFlags::empty(), &to).ok()?;
    let mut answer = [0; 512];
    // It is there when the request returns.
    let (received, _) = recv(socket, &mut answer[..], RecvFlags::DONTWAIT).ok()?;
    let answer = answer.get(..received)?;
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    if kind != BY_FAMILY {
        return None;
    }
    let queue = answer.get(RECEIVE_QUEUE..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*queue))
}

/// A request for the socket whose own address is `peer` (`struct inet_diag_req_v2`).
fn request(local: SocketAddr, peer: SocketAddr) -> Option<Vec<u8>> {
    const TCP: u8 = 6;
    const LENGTH: u32 = 16 + 56;
    let (family, own, other) = match (peer.ip().to_canonical(), local.ip().to_canonical()) {
        (IpAddr::V4(own), IpAddr::V4(other)) => (
            AddressFamily::INET,
            own.octets().to_vec(),
            other.octets().to_vec(),
        ),
        (IpAddr::V6(own), IpAddr::V6(other)) => (
            AddressFamily::INET6,
            own.octets().to_vec(),
            other.octets().to_vec(),
        ),
        _ => return None,
    };
    let family = u8::try_from(family.as_raw()).ok()?;
    let mut bytes = Vec::with_capacity(72);
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family, TCP, 0, 0]);
    // In any state.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(peer.port().to_be_bytes());
    bytes.extend(local.port().to_be_bytes());
    for mut address in [own, other] {
        address.resize(16, 0);
        bytes.extend(address);
    }
    // Any interface, no cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_lies_unread_in_a_socket_of_this_machine_is_known() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else {
                eprintln!("SKIPPED: {host}: no such address here");
                continue;
            };
            let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut receiver, _) = listener.accept().unwrap();
            let (local, peer) = (sender.local_addr().unwrap(), sender.peer_addr().unwrap());
            sender.write_all(&[7; 100]).unwrap();
            let Some(unread) = waiting(local, peer) else {
                eprintln!("SKIPPED: this kernel does not tell (sock_diag)");
                return;
            };
            assert_eq!(unread, 100);
            receiver.read_exact(&mut [0; 60]).unwrap();
            assert_eq!(waiting(local, peer), Some(40));
            receiver.read_exact(&mut [0; 40]).unwrap();
            assert_eq!(waiting(local, peer), Some(0));
            assert_eq!(waiting(local, ([192, 0, 2, 1], 9).into()), None);
        }
    }
}
