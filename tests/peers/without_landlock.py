"""Runs a program as a kernel without Landlock would: its three system calls fail with ENOSYS.

    python3 without_landlock.py PROGRAM ARGUMENT...
"""

import ctypes
import os
import struct
import sys

# struct sock_filter: load the number of the call; 444 to 446 are those of Landlock on every architecture.
LOAD, AT_LEAST, MORE_THAN, RETURN = 0x20, 0x35, 0x25, 0x06
FILTER = b"".join(
    struct.pack("HBBI", *line)
    for line in [
        (LOAD, 0, 0, 0),
        (AT_LEAST, 0, 2, 444),
        (MORE_THAN, 1, 0, 446),
        (RETURN, 0, 0, 0x00050000 | 38),
        (RETURN, 0, 0, 0x7FFF0000),
    ]
)

libc = ctypes.CDLL(None, use_errno=True)
memory = ctypes.create_string_buffer(FILTER)
program = struct.pack("HxxxxxxP", len(FILTER) // 8, ctypes.addressof(memory))
# PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
    sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
