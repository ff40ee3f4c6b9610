-- imgnet's wire formats in Wireshark: pictures behind imgnet's own header (`framed`, TCP and UDP), behind a length, and before
-- an end marker, as they stand in docs/wire-formats.md.
--
-- `framed` is recognised by its first bytes. The others say nothing of themselves: choose them with "Decode As…" on the port, or
--   tshark -d tcp.port==5050,imgnet_marker
--   tshark -d tcp.port==9000,imgnet_length -o imgnet_length.field:u32be
--
-- A picture is put together by Wireshark's own reassembly; nothing is kept between packets. Works with the Lua of Wireshark 4.0
-- (5.2) and of 4.4 and later (5.4).

if not (Proto and ProtoField and DissectorTable) then return end

local IMAGES = {
    { "\xff\xd8\xff", "JPEG", "image/jpeg" },
    { "\x89PNG\r\n\x1a\n", "PNG", "image/png" },
    { "GIF8", "GIF", "image/gif" },
    { "RIFF", "WebP", "image/webp" },
    { "BM", "BMP", "image/bmp" },
}

local function of_kind(range)
    local head = range:raw(0, math.min(8, range:len()))
    for _, image in ipairs(IMAGES) do
        if head:sub(1, #image[1]) == image[1] then return image[2], image[3] end
    end
    return "picture"
end

-- The picture itself, shown by Wireshark's own dissector of its format where it has one.
local function picture(field, range, pinfo, tree, root)
    tree:add(field, range)
    local kind, media = of_kind(range)
    pinfo.cols.info:append(string.format(" [%s, %d bytes]", kind, range:len()))
    tree:append_text(string.format(", %s, %d bytes", kind, range:len()))
    if media then
        local dissector = DissectorTable.get("media_type"):get_dissector(media)
        if dissector then pcall(dissector.call, dissector, range:tvb(), pinfo, root) end
    end
end

-- Asks Wireshark for so many bytes more; nil where the number is not known.
local function more(pinfo, offset, bytes)
    pinfo.desegment_offset = offset
    pinfo.desegment_len = bytes or DESEGMENT_ONE_MORE_SEGMENT
end

-- framed -----------------------------------------------------------------------------------------------------------------

local framed = Proto("imgnet_framed", "imgnet framed")
local KINDS = { [1] = "announce", [2] = "data", [3] = "request", [4] = "done", [5] = "refuse", [6] = "prove" }
local ff = {
    version = ProtoField.uint8("imgnet_framed.version", "Version"),
    header = ProtoField.uint16("imgnet_framed.header", "Length of the header"),
    chunk = ProtoField.uint32("imgnet_framed.chunk", "Chunk", base.DEC, nil, nil, "Bytes that the sender hands over at once"),
    id = ProtoField.uint64("imgnet_framed.id", "Picture id", base.HEX),
    length = ProtoField.uint64("imgnet_framed.length", "Length of the picture"),
    sha256 = ProtoField.bytes("imgnet_framed.sha256", "SHA-256 of the picture"),
    picture = ProtoField.bytes("imgnet_framed.picture", "Picture"),
    kind = ProtoField.uint8("imgnet_framed.kind", "Kind", base.DEC, KINDS),
    bytes = ProtoField.uint16("imgnet_framed.bytes", "Length of the payload"),
    index = ProtoField.uint32("imgnet_framed.index", "Index", base.DEC, nil, nil, "Index of the piece, from 0"),
    total = ProtoField.uint32("imgnet_framed.total", "Pieces"),
    offset = ProtoField.uint64("imgnet_framed.offset", "Offset", base.DEC, nil, nil, "Of the piece in the picture"),
    checksum = ProtoField.uint32("imgnet_framed.checksum", "CRC-32", base.HEX),
    transmission = ProtoField.uint32("imgnet_framed.transmission", "Transmission"),
    payload = ProtoField.bytes("imgnet_framed.payload", "Payload"),
}
local all = {}
for _, field in pairs(ff) do all[#all + 1] = field end
framed.fields = all

local HEADER = 64
local MAGIC = "\x93imgnet\n"
local LONGEST = 2 ^ 30

local function picture_header(range, tree)
    tree:add(ff.version, range(8, 1))
    tree:add(ff.header, range(10, 2))
    tree:add(ff.chunk, range(12, 4))
    tree:add(ff.id, range(16, 8))
    tree:add(ff.length, range(24, 8))
    tree:add(ff.sha256, range(32, 32))
end

local function framed_stream(tvb, pinfo, root)
    local offset = 0
    while offset < tvb:len() do
        local left = tvb:len() - offset
        if left < HEADER then
            if tvb:raw(offset, math.min(left, #MAGIC)) ~= MAGIC:sub(1, math.min(left, #MAGIC)) then return offset end
            more(pinfo, offset, HEADER - left)
            return tvb:len()
        end
        if tvb:raw(offset, #MAGIC) ~= MAGIC or tvb(offset + 8, 1):uint() ~= 1 then return offset end
        local length = tvb(offset + 24, 8):uint64():tonumber()
        if length > LONGEST then return offset end
        if left < HEADER + length then
            more(pinfo, offset, HEADER + length - left)
            return tvb:len()
        end
        pinfo.cols.protocol = "imgnet"
        local tree = root:add(framed, tvb(offset, HEADER + length))
        picture_header(tvb(offset, HEADER), tree)
        if length > 0 then picture(ff.picture, tvb(offset + HEADER, length), pinfo, tree, root) end
        offset = offset + HEADER + length
    end
    return offset
end

local function framed_datagram(tvb, pinfo, root)
    if tvb:len() < 40 or tvb:raw(0, 4) ~= MAGIC:sub(1, 4) or tvb(4, 1):uint() ~= 1 then return 0 end
    local kind = tvb(5, 1):uint()
    pinfo.cols.protocol = "imgnet"
    local tree = root:add(framed, tvb())
    tree:add(ff.version, tvb(4, 1))
    tree:add(ff.kind, tvb(5, 1))
    tree:add(ff.bytes, tvb(6, 2))
    tree:add(ff.id, tvb(8, 8))
    tree:add(ff.index, tvb(16, 4))
    tree:add(ff.total, tvb(20, 4))
    tree:add(ff.offset, tvb(24, 8))
    tree:add(ff.checksum, tvb(32, 4))
    tree:add(ff.transmission, tvb(36, 4))
    local name = KINDS[kind] or "unknown"
    pinfo.cols.info:append(" [" .. name .. (kind == 2 and " " .. tvb(16, 4):uint() or "") .. "]")
    tree:append_text(", " .. name)
    if tvb:len() > 40 then
        if kind == 1 and tvb:len() >= 40 + HEADER then
            picture_header(tvb(40, HEADER), tree)
        else
            tree:add(ff.payload, tvb(40))
        end
    end
    return tvb:len()
end

function framed.dissector(tvb, pinfo, root)
    if pinfo.port_type == 3 then return framed_datagram(tvb, pinfo, root) end
    return framed_stream(tvb, pinfo, root)
end

framed:register_heuristic("tcp", function(tvb, pinfo, root)
    if tvb:len() < #MAGIC or tvb:raw(0, #MAGIC) ~= MAGIC then return false end
    -- The rest of the connection is of the same kind, also where a segment begins within a picture.
    pinfo.conversation = framed
    framed_stream(tvb, pinfo, root)
    return true
end)
framed:register_heuristic("udp", function(tvb, pinfo, root) return framed_datagram(tvb, pinfo, root) > 0 end)

-- length -----------------------------------------------------------------------------------------------------------------

local length = Proto("imgnet_length", "imgnet length before picture")
local lf = {
    length = ProtoField.uint64("imgnet_length.length", "Length of the picture"),
    picture = ProtoField.bytes("imgnet_length.picture", "Picture"),
}
length.fields = { lf.length, lf.picture }

-- Bytes of the field, and how it is read; nil where it is no number.
local FIELDS = {
    u16be = { 2, function(range) return range:uint() end },
    u16le = { 2, function(range) return range:le_uint() end },
    u32be = { 4, function(range) return range:uint() end },
    u32le = { 4, function(range) return range:le_uint() end },
    u64be = { 8, function(range) return range:uint64():tonumber() end },
    u64le = { 8, function(range) return range:le_uint64():tonumber() end },
}
for _, width in ipairs({ 10, 16, 64 }) do
    FIELDS["ascii" .. width] = { width, function(range) return tonumber((range:raw():gsub("[%s%z]+", ""))) end }
end

length.prefs.field = Pref.string("Field", "u32be", "The length: u16be, u16le, u32be, u32le, u64be, u64le, ascii10, ascii16, ascii64")

function length.dissector(tvb, pinfo, root)
    local field = FIELDS[length.prefs.field]
    if not field then return 0 end
    local width, read = field[1], field[2]
    local offset = 0
    while offset < tvb:len() do
        local left = tvb:len() - offset
        if left < width then
            more(pinfo, offset, width - left)
            return tvb:len()
        end
        local bytes = read(tvb(offset, width))
        if not bytes or bytes > LONGEST then return offset end
        if left < width + bytes then
            more(pinfo, offset, width + bytes - left)
            return tvb:len()
        end
        pinfo.cols.protocol = "imgnet"
        local tree = root:add(length, tvb(offset, width + bytes))
        tree:add(lf.length, tvb(offset, width), UInt64(bytes))
        if bytes > 0 then picture(lf.picture, tvb(offset + width, bytes), pinfo, tree, root) end
        offset = offset + width + bytes
    end
    return offset
end

DissectorTable.get("tcp.port"):add_for_decode_as(length)

-- marker -----------------------------------------------------------------------------------------------------------------

local marker = Proto("imgnet_marker", "imgnet picture and end marker")
local mf = {
    picture = ProtoField.bytes("imgnet_marker.picture", "Picture"),
    marker = ProtoField.string("imgnet_marker.marker", "End marker"),
}
marker.fields = { mf.picture, mf.marker }
marker.prefs.marker = Pref.string("Marker", "%IMAGE_COMPLETED%", "The bytes behind each picture")

function marker.dissector(tvb, pinfo, root)
    local wanted = marker.prefs.marker
    if #wanted == 0 then return 0 end
    local offset = 0
    while offset < tvb:len() do
        local at = tvb:raw(offset):find(wanted, 1, true)
        if not at then
            more(pinfo, offset)
            return tvb:len()
        end
        local bytes = at - 1
        pinfo.cols.protocol = "imgnet"
        local tree = root:add(marker, tvb(offset, bytes + #wanted))
        if bytes > 0 then picture(mf.picture, tvb(offset, bytes), pinfo, tree, root) end
        tree:add(mf.marker, tvb(offset + bytes, #wanted))
        offset = offset + bytes + #wanted
    end
    return offset
end

DissectorTable.get("tcp.port"):add_for_decode_as(marker)
