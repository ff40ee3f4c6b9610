//! What parts of the framing and stray bytes are called, and the link types of captures.

use super::Word;

/// They, those of one kind together.
pub(super) const WORDS: &[Word] = &[
    Word {
        kind: "part of the framing",
        name: "marker",
        meaning: "The bytes that end a picture, such as %IMAGE_COMPLETED%.",
    },
    Word {
        kind: "part of the framing",
        name: "length",
        meaning: "How many bytes follow: of the picture, of what is left of the message, of all of it, or in bits, as the layout says.",
    },
    Word {
        kind: "part of the framing",
        name: "choice",
        meaning: "What the client asked for: a number or a name.",
    },
    Word {
        kind: "part of the framing",
        name: "end",
        meaning: "The datagram that says that no more comes.",
    },
    Word {
        kind: "part of the framing",
        name: "name",
        meaning: "The name of the file.",
    },
    Word {
        kind: "part of the framing",
        name: "name-length",
        meaning: "How many bytes the name has.",
    },
    Word {
        kind: "part of the framing",
        name: "piece-header",
        meaning: "What stands before each piece of a picture: its number, its length.",
    },
    Word {
        kind: "part of the framing",
        name: "piece-count",
        meaning: "How many pieces the picture has.",
    },
    Word {
        kind: "part of the framing",
        name: "header",
        meaning: "What stands before the picture, or before a piece of it, and is none of it.",
    },
    Word {
        kind: "part of the framing",
        name: "head",
        meaning: "The first bytes of a datagram, which say which picture and which piece it is.",
    },
    Word {
        kind: "part of the framing",
        name: "control",
        meaning: "What both sides tell each other beside the pictures: asking, confirming, asking again.",
    },
    Word {
        kind: "part of the framing",
        name: "pickle",
        meaning: "What Python's pickle puts around the object that holds the picture.",
    },
    Word {
        kind: "part of the framing",
        name: "http-header",
        meaning: "Request or status line and header fields of HTTP.",
    },
    Word {
        kind: "part of the framing",
        name: "body",
        meaning: "What HTTP puts around the content: sizes of chunks, lines between parts.",
    },
    Word {
        kind: "part of the framing",
        name: "zmtp",
        meaning: "Greeting, commands and frame heads of ZeroMQ.",
    },
    Word {
        kind: "part of the framing",
        name: "MQTT packet",
        meaning: "The head of a packet of MQTT, or a packet without a picture.",
    },
    Word {
        kind: "part of the framing",
        name: "SMTP",
        meaning: "Commands and headers of a mail.",
    },
    Word {
        kind: "part of the framing",
        name: "WebSocket frame",
        meaning: "The head of a frame of WebSocket, or a frame without a picture.",
    },
    Word {
        kind: "part of the framing",
        name: "HTTP/2 frame",
        meaning: "The head of a frame of HTTP/2, a frame without a picture, or what gRPC puts around one.",
    },
    Word {
        kind: "part of the framing",
        name: "Java object stream",
        meaning: "What Java's ObjectOutputStream puts around the picture.",
    },
    Word {
        kind: "part of the framing",
        name: "TFTP request",
        meaning: "The request that a transfer of TFTP begins with.",
    },
    Word {
        kind: "part of the framing",
        name: "TFTP header",
        meaning: "Operation code and block number before the data of TFTP.",
    },
    Word {
        kind: "part of the framing",
        name: "TFTP block of no picture",
        meaning: "A block of a file that is no picture.",
    },
    Word {
        kind: "part of the framing",
        name: "no TFTP",
        meaning: "A datagram on the transfer's ports that is none of TFTP's.",
    },
    Word {
        kind: "part of the framing",
        name: "line end",
        meaning: "The end of a line of text: a line feed, or a carriage return and a line feed.",
    },
    Word {
        kind: "part of the framing",
        name: "message",
        meaning: "A message without a picture.",
    },
    Word {
        kind: "part of the framing",
        name: "padding",
        meaning: "Bytes that fill a block up to its size.",
    },
    Word {
        kind: "part of the framing",
        name: "range",
        meaning: "Bytes of the picture that HTTP's ranges brought before.",
    },
    Word {
        kind: "part of the framing",
        name: "repeat",
        meaning: "Bytes that came before: a datagram that was sent again.",
    },
    Word {
        kind: "part of the framing",
        name: "text",
        meaning: "Readable text that is no picture's, such as the quotes around Base64.",
    },
    Word {
        kind: "part of the framing",
        name: "request",
        meaning: "What the client asked for.",
    },
    Word {
        kind: "part of the framing",
        name: "constant",
        meaning: "Bytes that are the same in each message.",
    },
    Word {
        kind: "part of the framing",
        name: "field",
        meaning: "A field of the layout that says nothing of the picture.",
    },
    Word {
        kind: "part of the framing",
        name: "count",
        meaning: "How many pictures or pieces follow.",
    },
    Word {
        kind: "part of the framing",
        name: "index",
        meaning: "The number of a piece within its picture.",
    },
    Word {
        kind: "part of the framing",
        name: "left",
        meaning: "How many pieces are still to come.",
    },
    Word {
        kind: "part of the framing",
        name: "number",
        meaning: "A number that goes on from message to message.",
    },
    Word {
        kind: "part of the framing",
        name: "frame",
        meaning: "The number of the picture that a piece belongs to.",
    },
    Word {
        kind: "part of the framing",
        name: "offset",
        meaning: "Where in the picture a piece belongs.",
    },
    Word {
        kind: "part of the framing",
        name: "total",
        meaning: "How many bytes or pieces the whole picture has.",
    },
    Word {
        kind: "part of the framing",
        name: "last",
        meaning: "Whether this piece is the last.",
    },
    Word {
        kind: "part of the framing",
        name: "more",
        meaning: "Whether more pieces follow.",
    },
    Word {
        kind: "part of the framing",
        name: "width",
        meaning: "Columns of raw pixels.",
    },
    Word {
        kind: "part of the framing",
        name: "height",
        meaning: "Rows of raw pixels.",
    },
    Word {
        kind: "part of the framing",
        name: "channels",
        meaning: "Values a pixel: 1, 3 or 4.",
    },
    Word {
        kind: "part of the framing",
        name: "pixel-type",
        meaning: "What a value of a pixel is, as NumPy calls it.",
    },
    Word {
        kind: "part of the framing",
        name: "time",
        meaning: "When the picture was sent, or taken.",
    },
    Word {
        kind: "part of the framing",
        name: "crc32",
        meaning: "A checksum of the picture or the piece (zlib.crc32).",
    },
    Word {
        kind: "part of the framing",
        name: "crc16",
        meaning: "A checksum of 16 bits of the picture or the piece.",
    },
    Word {
        kind: "part of the framing",
        name: "crc16-ccitt",
        meaning: "A checksum of 16 bits of the picture or the piece (binascii.crc_hqx).",
    },
    Word {
        kind: "part of the framing",
        name: "adler32",
        meaning: "A checksum of the picture or the piece (zlib.adler32).",
    },
    Word {
        kind: "part of the framing",
        name: "sum",
        meaning: "The sum of the bytes of the picture or the piece.",
    },
    Word {
        kind: "part of the framing",
        name: "md5",
        meaning: "A digest of the picture or the piece.",
    },
    Word {
        kind: "part of the framing",
        name: "sha1",
        meaning: "A digest of the picture or the piece.",
    },
    Word {
        kind: "part of the framing",
        name: "sha256",
        meaning: "A digest of the picture or the piece.",
    },
    Word {
        kind: "what stray bytes look like",
        name: "zeros",
        meaning: "Nothing but zeros: a fixed buffer that was sent whole, mostly.",
    },
    Word {
        kind: "what stray bytes look like",
        name: "line-end",
        meaning: "A line end, or several.",
    },
    Word {
        kind: "what stray bytes look like",
        name: "text",
        meaning: "Readable text.",
    },
    Word {
        kind: "what stray bytes look like",
        name: "picture-header",
        meaning: "They begin as a picture does.",
    },
    Word {
        kind: "what stray bytes look like",
        name: "repeat",
        meaning: "The last bytes of the picture before them, once more.",
    },
    Word {
        kind: "what stray bytes look like",
        name: "unknown",
        meaning: "None of what imgnet knows.",
    },
    Word {
        kind: "link type",
        name: "null",
        meaning: "BSD loopback: four bytes of address family or EtherType before the packet.",
    },
    Word {
        kind: "link type",
        name: "ethernet",
        meaning: "Ethernet, and what Linux shows as Ethernet, such as lo.",
    },
    Word {
        kind: "link type",
        name: "raw",
        meaning: "IP without a link layer.",
    },
    Word {
        kind: "link type",
        name: "loop",
        meaning: "OpenBSD loopback: as null, the other way round.",
    },
    Word {
        kind: "link type",
        name: "linux-sll",
        meaning: "Linux cooked capture, version 1: what an interface without a common link layer gives, or any.",
    },
    Word {
        kind: "link type",
        name: "linux-sll2",
        meaning: "Linux cooked capture, version 2, which names the interface.",
    },
    Word {
        kind: "link type",
        name: "ipv4",
        meaning: "IPv4 without a link layer.",
    },
    Word {
        kind: "link type",
        name: "ipv6",
        meaning: "IPv6 without a link layer.",
    },
    Word {
        kind: "link type",
        name: "ppp",
        meaning: "PPP.",
    },
    Word {
        kind: "link type",
        name: "ppp-hdlc",
        meaning: "PPP in frames like HDLC's.",
    },
    Word {
        kind: "link type",
        name: "ppp-pppd",
        meaning: "PPP behind a byte of direction, as pppd writes it.",
    },
    Word {
        kind: "link type",
        name: "ppp-with-direction",
        meaning: "PPP behind a byte of direction.",
    },
    Word {
        kind: "link type",
        name: "pppoe",
        meaning: "PPP over Ethernet.",
    },
    Word {
        kind: "link type",
        name: "chdlc",
        meaning: "Cisco HDLC.",
    },
    Word {
        kind: "link type",
        name: "chdlc-with-direction",
        meaning: "Cisco HDLC behind a byte of direction.",
    },
    Word {
        kind: "link type",
        name: "frame-relay",
        meaning: "Frame Relay.",
    },
    Word {
        kind: "link type",
        name: "frelay-with-direction",
        meaning: "Frame Relay behind a byte of direction.",
    },
    Word {
        kind: "link type",
        name: "fddi",
        meaning: "FDDI.",
    },
    Word {
        kind: "link type",
        name: "ieee-802-5",
        meaning: "Token Ring.",
    },
    Word {
        kind: "link type",
        name: "ieee-802-11",
        meaning: "Wireless LAN.",
    },
    Word {
        kind: "link type",
        name: "ieee-802-11-radiotap",
        meaning: "Wireless LAN behind a radiotap header.",
    },
    Word {
        kind: "link type",
        name: "ieee-802-11-prism",
        meaning: "Wireless LAN behind a Prism header.",
    },
    Word {
        kind: "link type",
        name: "ieee-802-11-avs",
        meaning: "Wireless LAN behind an AVS header.",
    },
    Word {
        kind: "link type",
        name: "ppi",
        meaning: "Per-packet information, then another link type.",
    },
    Word {
        kind: "link type",
        name: "erf",
        meaning: "Records of Endace's cards.",
    },
    Word {
        kind: "link type",
        name: "nflog",
        meaning: "What Linux's netfilter logs.",
    },
    Word {
        kind: "link type",
        name: "ip-over-infiniband",
        meaning: "IP over InfiniBand.",
    },
    Word {
        kind: "link type",
        name: "arcnet",
        meaning: "ARCNET.",
    },
    Word {
        kind: "link type",
        name: "arcnet-linux",
        meaning: "ARCNET as Linux shows it.",
    },
    Word {
        kind: "link type",
        name: "atm-rfc1483",
        meaning: "ATM, LLC and SNAP (RFC 2684).",
    },
    Word {
        kind: "link type",
        name: "sunatm",
        meaning: "ATM as Solaris shows it.",
    },
    Word {
        kind: "link type",
        name: "enc",
        meaning: "OpenBSD's encapsulation interface: IPsec after it was opened.",
    },
    Word {
        kind: "link type",
        name: "pflog",
        meaning: "What OpenBSD's packet filter logs.",
    },
    Word {
        kind: "link type",
        name: "ip-over-fc",
        meaning: "IP over Fibre Channel.",
    },
    Word {
        kind: "link type",
        name: "ip-over-1394",
        meaning: "IP over FireWire.",
    },
    Word {
        kind: "link type",
        name: "juniper-ether",
        meaning: "Ethernet behind Juniper's header.",
    },
    Word {
        kind: "link type",
        name: "juniper-ppp",
        meaning: "PPP behind Juniper's header.",
    },
    Word {
        kind: "link type",
        name: "juniper-frelay",
        meaning: "Frame Relay behind Juniper's header.",
    },
    Word {
        kind: "link type",
        name: "juniper-chdlc",
        meaning: "Cisco HDLC behind Juniper's header.",
    },
    Word {
        kind: "link type",
        name: "mpls",
        meaning: "MPLS without a link layer.",
    },
    Word {
        kind: "link type",
        name: "ipnet",
        meaning: "Solaris's IPNET.",
    },
    Word {
        kind: "link type",
        name: "netanalyzer",
        meaning: "Ethernet as netANALYZER captures it.",
    },
    Word {
        kind: "link type",
        name: "pktap",
        meaning: "macOS's PKTAP: another link type behind fields of its own.",
    },
    Word {
        kind: "link type",
        name: "ether-mpacket",
        meaning: "Ethernet with its preamble (IEEE 802.3br).",
    },
];
