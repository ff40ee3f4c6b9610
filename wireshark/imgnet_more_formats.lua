-- imgnet's other wire formats in Wireshark: pictures that end with their connection (`eof`, `catalog`), pictures in datagrams
-- (`udp`, `udp-jpeg`, `udp-index`, `udp-count`), and layouts, as they stand in docs/wire-formats.md and docs/layouts.md.
--
-- None of them says what it is: choose it with "Decode As…" on the port, or
--   tshark -d tcp.port==40674,imgnet_catalog
--   tshark -d udp.port==6001,imgnet_udp
--   tshark -d tcp.port==9100,imgnet_layout -o 'imgnet_layout.layout:"JPGS", u32be number, u32be length, picture'
--
-- Pictures of connections are put together by Wireshark's own reassembly, and from the pieces of a layout in one message. Of datagrams each
-- is described by itself: nothing is kept between packets. Works with the Lua of Wireshark 4.0 (5.2) and of 4.4 and later (5.4).

if not (Proto and ProtoField and DissectorTable) then return end

local IMAGES = {
    { "\xff\xd8\xff", "JPEG", "image/jpeg" },
    { "\x89PNG\r\n\x1a\n", "PNG", "image/png" },
    { "GIF8", "GIF", "image/gif" },
    { "RIFF", "WebP", "image/webp" },
    { "BM", "BMP", "image/bmp" },
}
local LONGEST = 2 ^ 30
local TCP, UDP = 2, 3

local function of_kind(range)
    local head = range:raw(0, math.min(8, range:len()))
    for _, image in ipairs(IMAGES) do
        if head:sub(1, #image[1]) == image[1] then return image[2], image[3] end
    end
    return nil
end

-- The picture itself, shown by Wireshark's own dissector of its format where it has one.
local function picture(field, range, pinfo, tree, root)
    tree:add(field, range)
    local kind, media = of_kind(range)
    pinfo.cols.info:append(string.format(" [%s, %d bytes]", kind or "picture", range:len()))
    tree:append_text(string.format(", %s, %d bytes", kind or "picture", range:len()))
    if media then
        local dissector = DissectorTable.get("media_type"):get_dissector(media)
        if dissector then pcall(dissector.call, dissector, range:tvb(), pinfo, root) end
    end
end

-- Asks Wireshark for so many bytes more; for one segment more where the number is not known.
local function more(pinfo, offset, bytes)
    pinfo.desegment_offset = offset
    pinfo.desegment_len = bytes or DESEGMENT_ONE_MORE_SEGMENT
end

local function decode_as(table, proto)
    DissectorTable.get(table):add_for_decode_as(proto)
end

-- eof and catalog --------------------------------------------------------------------------------------------------------

-- Everything up to the end of the connection; true when it is there.
local function until_end(tvb, pinfo)
    if pinfo.can_desegment > 0 then
        pinfo.desegment_offset = 0
        pinfo.desegment_len = DESEGMENT_UNTIL_FIN or 0x0ffffffe
        return false
    end
    return true
end

local eof = Proto("imgnet_eof", "imgnet picture until the end")
local ef = { picture = ProtoField.bytes("imgnet_eof.picture", "Picture") }
eof.fields = { ef.picture }

function eof.dissector(tvb, pinfo, root)
    if not until_end(tvb, pinfo) then return tvb:len() end
    pinfo.cols.protocol = "imgnet"
    local tree = root:add(eof, tvb())
    picture(ef.picture, tvb(), pinfo, tree, root)
    return tvb:len()
end

decode_as("tcp.port", eof)

local catalog = Proto("imgnet_catalog", "imgnet catalogue")
local cf = {
    choice = ProtoField.string("imgnet_catalog.choice", "Choice"),
    picture = ProtoField.bytes("imgnet_catalog.picture", "Picture"),
    list = ProtoField.string("imgnet_catalog.list", "List of the catalogue"),
}
catalog.fields = { cf.choice, cf.picture, cf.list }
catalog.prefs.port = Pref.uint("Port of the catalogue", 40674, "Who sends to it chooses; who sends from it answers")
local LIST = '{"schema":"imgnet/catalog/'

function catalog.dissector(tvb, pinfo, root)
    local port = catalog.prefs.port
    if pinfo.dst_port == port then
        pinfo.cols.protocol = "imgnet"
        local tree = root:add(catalog, tvb())
        tree:add(cf.choice, tvb())
        tree:append_text(", choice " .. tvb:raw())
        pinfo.cols.info:append(" [choice " .. tvb:raw() .. "]")
        return tvb:len()
    end
    if pinfo.src_port ~= port then return 0 end
    if not until_end(tvb, pinfo) then return tvb:len() end
    pinfo.cols.protocol = "imgnet"
    local tree = root:add(catalog, tvb())
    if tvb:raw(0, math.min(#LIST, tvb:len())) == LIST then
        tree:add(cf.list, tvb())
        tree:append_text(", list")
    else
        picture(cf.picture, tvb(), pinfo, tree, root)
    end
    return tvb:len()
end

decode_as("tcp.port", catalog)

-- datagrams --------------------------------------------------------------------------------------------------------------

local udp = Proto("imgnet_udp", "imgnet pictures in datagrams")
local uf = {
    piece = ProtoField.bytes("imgnet_udp.piece", "Piece", base.NONE),
    begins = ProtoField.string("imgnet_udp.begins", "Begins a picture"),
    ends = ProtoField.bool("imgnet_udp.ends", "Ends the picture"),
    index = ProtoField.uint32("imgnet_udp.index", "Index", base.DEC, nil, nil, "Of the piece, from 0"),
    total = ProtoField.uint32("imgnet_udp.total", "Pieces"),
    left = ProtoField.uint32("imgnet_udp.left", "Pieces behind this one"),
    offset = ProtoField.uint32("imgnet_udp.offset", "Offset", base.DEC, nil, nil, "Of the piece in the picture"),
    count = ProtoField.uint32("imgnet_udp.count", "Count", base.DEC, nil, nil, "How many pieces follow"),
    picture = ProtoField.bytes("imgnet_udp.picture", "Picture"),
}
local all = {}
for _, field in pairs(uf) do all[#all + 1] = field end
udp.fields = all
udp.prefs.format = Pref.string("Format", "udp", "udp, udp-jpeg, udp-count, or udp-index=HEADER, e.g. udp-index=from1-u16be")

local NUMBERS = {
    u8 = { 1, function(range) return range:uint() end },
    u16be = { 2, function(range) return range:uint() end },
    u16le = { 2, function(range) return range:le_uint() end },
    u32be = { 4, function(range) return range:uint() end },
    u32le = { 4, function(range) return range:le_uint() end },
    ascii5 = { 5, function(range) return tonumber(range:raw()) end },
}

local function piece(range, tree)
    tree:add(uf.piece, range)
    local kind = of_kind(range)
    if kind then tree:add(uf.begins, range(0, math.min(8, range:len())), kind) end
end

local function numbered(tvb, pinfo, tree, header)
    local way, number = header:match("^(.-)%-?([^-]+)$")
    local field = NUMBERS[number]
    if not field then return 0 end
    local width, read = field[1], field[2]
    local two = way == "" or way == "from1"
    local head = two and 2 * width or width
    if tvb:len() < head then return 0 end
    local first = read(tvb(0, width))
    if not first then return 0 end
    if way == "offset" then
        tree:add(uf.offset, tvb(0, width), first)
        pinfo.cols.info:append(string.format(" [offset %d]", first))
    elseif two then
        local total = read(tvb(width, width))
        local index = way == "from1" and first - 1 or first
        if not total or index < 0 then return 0 end
        tree:add(uf.index, tvb(0, width), index)
        tree:add(uf.total, tvb(width, width), total)
        if index + 1 == total then tree:add(uf.ends, tvb(0, head), true) end
        pinfo.cols.info:append(string.format(" [piece %d of %d]", index, total))
    else
        local left = way == "countdown" and first - 1 or first
        if left < 0 then return 0 end
        tree:add(uf.left, tvb(0, width), left)
        if left == 0 then tree:add(uf.ends, tvb(0, width), true) end
        pinfo.cols.info:append(string.format(" [%d pieces behind]", left))
    end
    if tvb:len() > head then piece(tvb(head), tree) end
    return tvb:len()
end

function udp.dissector(tvb, pinfo, root)
    local format = udp.prefs.format
    local tree = root:add(udp, tvb())
    pinfo.cols.protocol = "imgnet"
    if format == "udp-jpeg" then
        picture(uf.picture, tvb(), pinfo, tree, root)
        return tvb:len()
    end
    local header = format:match("^udp%-index=(.+)$") or (format == "udp-index" and "u16be")
    if header then return numbered(tvb, pinfo, tree, header) end
    if format == "udp-count" then
        local digits = tvb:len() <= 10 and tvb:raw():match("^%s*(%d+)%s*$")
        if digits then
            tree:add(uf.count, tvb(), tonumber(digits))
            pinfo.cols.info:append(" [" .. digits .. " pieces follow]")
            return tvb:len()
        end
    end
    piece(tvb(), tree)
    return tvb:len()
end

decode_as("udp.port", udp)

-- layouts ----------------------------------------------------------------------------------------------------------------

local layout = Proto("imgnet_layout", "imgnet layout")
local yf = {
    number = ProtoField.uint64("imgnet_layout.number", "Number"),
    text = ProtoField.string("imgnet_layout.text", "Text"),
    bytes = ProtoField.bytes("imgnet_layout.bytes", "Bytes"),
    length = ProtoField.uint64("imgnet_layout.length", "Length"),
    picture = ProtoField.bytes("imgnet_layout.picture", "Picture"),
    piece = ProtoField.bytes("imgnet_layout.piece", "Piece"),
    mistake = ProtoField.string("imgnet_layout.mistake", "Not understood here"),
}
all = {}
for _, field in pairs(yf) do all[#all + 1] = field end
layout.fields = all
layout.prefs.layout = Pref.string("Layout", "u32be length, picture",
    "As in docs/layouts.md: the fields of a message, and the sections once:, piece: and end:")

local ESCAPES = { n = "\n", r = "\r", t = "\t", ["0"] = "\0", ['"'] = '"', ["\\"] = "\\" }

-- The bytes of a quoted text, and where it ends.
local function quoted(text, from)
    local at, out = from + 1, {}
    while at <= #text do
        local c = text:sub(at, at)
        if c == '"' then return table.concat(out), at end
        if c == "\\" then
            at = at + 1
            c = ESCAPES[text:sub(at, at)]
            if not c then return nil end
        end
        out[#out + 1] = c
        at = at + 1
    end
    return nil
end

-- The fields of a layout as they are written, without quotes, commas in quotes and comments in the way.
local function fields_of(text)
    local fields, field, at = {}, "", 1
    local function add()
        field = field:match("^%s*(.-)%s*$")
        if field ~= "" then fields[#fields + 1] = field end
        field = ""
    end
    while at <= #text do
        local c = text:sub(at, at)
        if c == '"' then
            local _, till = quoted(text, at)
            if not till then return nil end
            field = field .. text:sub(at, till)
            at = till
        elseif c == "," then
            add()
        elseif c == "#" then
            at = text:find("\n", at, true) or #text
        else
            field = field .. c
        end
        at = at + 1
    end
    add()
    return fields
end

local ROLES = {}
for role in ([[length length(rest) length(all) length(bits) count index left offset total last more number frame width height channels
    pixel-type time name name-length crc32 crc16 crc16-ccitt adler32 sum md5 sha1 sha256]]):gmatch("%S+") do ROLES[role] = true end

-- How a field is written, and what it says; the role without its constant, and that.
local function parts_of(field)
    local how, what = field:match("^([%a%d-]+%b())%s*(.*)$")
    if not how then how, what = field:match("^(%S+)%s*(.*)$") end
    local role, sign, constant = what:match("^([%a-]+%b())([+-])(%d+)$")
    if not role then role, sign, constant = what:match("^([%a%d-]-[%a%d])([+-])(%d+)$") end
    if not role or not ROLES[role] then role, sign, constant = what, "+", "0" end
    return how, role, (sign == "-" and -1 or 1) * tonumber(constant)
end

local SECTIONS = { once = true, message = true, piece = true, answer = true }
SECTIONS["end"] = true

-- The fields of each section of a layout; nil where it is not understood.
local function sections(text)
    text = text:match("^%s*layout%s+(.*)$") or text
    text = text:match("^%s*udp%s*;(.*)$") or text
    local parts, part, at = {}, "", 1
    while at <= #text do
        local c = text:sub(at, at)
        if c == '"' then
            local _, till = quoted(text, at)
            if not till then return nil end
            part = part .. text:sub(at, till)
            at = till
        elseif c == ";" then
            parts[#parts + 1], part = part, ""
        else
            part = part .. c
        end
        at = at + 1
    end
    parts[#parts + 1] = part
    local found = {}
    for _, one in ipairs(parts) do
        local name, rest = one:match("^%s*(%a+):(.*)$")
        if not SECTIONS[name or "message"] then return nil end
        rest = rest or one
        if rest:match("%S") then
            if found[name or "message"] then return nil end
            found[name or "message"] = fields_of(rest)
            if not found[name or "message"] then return nil end
        end
    end
    for _, fields in pairs(found) do
        for _, field in ipairs(fields) do
            if field:sub(1, 1) ~= '"' then
                local _, role = parts_of(field)
                if role ~= "" and not ROLES[role] then return nil end
            end
        end
    end
    if not found.message and not found.piece then return nil end
    return found
end

local BINARY = {}
for _, sign in ipairs({ "u", "i" }) do
    BINARY[sign .. "8"] = { 1, false }
    for _, bits in ipairs({ 16, 24, 32, 48, 64 }) do
        BINARY[sign .. bits .. "be"] = { bits / 8, false }
        BINARY[sign .. bits .. "le"] = { bits / 8, true }
    end
end
for _, bits in ipairs({ 32, 64 }) do
    BINARY["f" .. bits .. "be"] = { bits / 8, false, true }
    BINARY["f" .. bits .. "le"] = { bits / 8, true, true }
end

-- The number of some bytes; beyond 2^53 it is not exact, and no length.
local function binary(raw, little)
    local value = 0
    for at = 1, #raw do
        local byte = raw:byte(little and #raw + 1 - at or at)
        value = value * 256 + byte
    end
    return value
end

-- The bytes of quotes or of a hexadecimal constant; nil for other fields.
local function literal_of(field)
    if field:sub(1, 1) == '"' then return (quoted(field, 1)) end
    if field:match("^0x%x+$") then
        return (field:sub(3):gsub("%x%x", function(two) return string.char(tonumber(two, 16)) end))
    end
    return nil
end

-- How many bytes the fields behind one take; nil where that is not fixed.
local function width_behind(fields, number)
    local width = 0
    for at = number + 1, #fields do
        local literal = literal_of(fields[at])
        local how = parts_of(fields[at])
        local bytes = literal and #literal or BINARY[how] and BINARY[how][1]
            or tonumber(how:match("^[%a%d-]+%((%d+)[^%)]*%)$"))
        if not bytes then return nil end
        width = width + bytes
    end
    return width
end

local CHANNELS = { bgr = 3, rgb = 3, bgra = 4, rgba = 4, grey = 1, rgb565 = 2 }

-- How many bytes the pixels of a field take: as the field says, or those before it; nil where neither does.
local function bytes_of_pixels(inner, known)
    local order, width, height = inner:match("^(%w+)%s+(%d+)x(%d+)$")
    order = order or inner
    width, height = tonumber(width) or known.width, tonumber(height) or known.height
    local channels = CHANNELS[order] or known.channels
    return width and height and channels and width * height * channels
end

local read

-- Reads the pieces of a picture, one after the other, up to what says that it is over: its length, their number, a last one, or an empty
-- one. What they carry goes to `gathered`.
local function pieces_of(raw, fields, from, to_end, shown, total, count, gathered)
    local at, got, number = from, 0, 0
    while not (total and got >= total) and not (count and number >= count) do
        if at > #raw and to_end and not total and not count then break end
        local piece = { left = total and total - got }
        local till, short = read(raw, fields, at, to_end, shown, piece)
        if not till then return till, short end
        if till == at then return false end
        at, number = till, number + 1
        for _, one in ipairs(piece.gathered) do
            gathered[#gathered + 1] = one
            got = got + one[2]
        end
        local known = piece.known
        if known.length == 0 or known.left == 0 or known.more == 0 or (known.last or 0) ~= 0 then break end
        total, count = total or known.total, count or known.count
    end
    return at
end

-- Reads the fields of a section. Each is { range's start, length, what to show }. Returns where they end; nil and how many bytes more
-- are needed (0 where that is not known); or false where they are not these. `context` has what is known before, and after it
-- what was read: `known` by role, and `gathered`, the places of the bytes of the picture that come in pieces.
read = function(raw, fields, from, to_end, shown, context)
    context.known, context.gathered = context.known or {}, context.gathered or {}
    local at, known = from, context.known
    local length = context.length
    local rest_from, whole
    local function need(bytes)
        if at + bytes - 1 > #raw then return at + bytes - 1 - #raw end
    end
    for number, field in ipairs(fields) do
        local how, role, counted = parts_of(field)
        local text, value, start, shows = nil, nil, at, "number"
        local inner = how:match("%((.*)%)$")
        local name = how:match("^([%a%d-]+)")
        local literal = literal_of(field)
        if literal then
            local there = raw:sub(at, at + #literal - 1)
            if there ~= literal:sub(1, #there) then return false end
            local short = need(#literal)
            if short then return nil, short end
            shown[#shown + 1] = { at, #literal, "bytes" }
            at = at + #literal
        elseif BINARY[how] then
            local width, little, float = BINARY[how][1], BINARY[how][2], BINARY[how][3]
            local short = need(width)
            if short then return nil, short end
            if not float then value = binary(raw:sub(at, at + width - 1), little) end
            at = at + width
            if float then shows = "bytes" end
        elseif how == "varint" or how == "7-bit" then
            value = 0
            local scale = 1
            repeat
                local short = need(1)
                if short then return nil, short end
                local byte = raw:byte(at)
                value = value + (byte % 128) * scale
                scale, at = scale * 128, at + 1
                if scale > 2 ^ 63 then return false end
            until byte < 128
        elseif name == "dec" or name == "hex" or name == "text" then
            local terminator = inner and inner:match('^until (".*")$')
            local digits = name == "hex" and "%x" or "%d"
            if terminator then
                terminator = quoted(terminator, 1)
                local till = raw:find(terminator, at, true)
                if not till then return nil, 0 end
                text = raw:sub(at, till - 1)
                at = till + #terminator
            elseif inner and (BINARY[inner] or known[inner] or inner == "varint") then
                local bytes = known[inner]
                if BINARY[inner] then
                    local width, little = BINARY[inner][1], BINARY[inner][2]
                    local short = need(width)
                    if short then return nil, short end
                    bytes = binary(raw:sub(at, at + width - 1), little)
                    at = at + width
                elseif inner == "varint" then
                    local scale = 1
                    bytes = 0
                    repeat
                        local short = need(1)
                        if short then return nil, short end
                        local byte = raw:byte(at)
                        bytes = bytes + (byte % 128) * scale
                        scale, at = scale * 128, at + 1
                        if scale > 2 ^ 35 then return false end
                    until byte < 128
                end
                if bytes > LONGEST then return false end
                local short = need(bytes)
                if short then return nil, short end
                text = raw:sub(at, at + bytes - 1)
                at = at + bytes
            elseif inner then
                local width = tonumber(inner:match("^(%d+)"))
                if not width then return false end
                local short = need(width)
                if short then return nil, short end
                text = raw:sub(at, at + width - 1)
                at = at + width
            else
                local till = at
                while raw:sub(till, till):match(digits) do till = till + 1 end
                if till > #raw and not to_end then return nil, 0 end
                text = raw:sub(at, till - 1)
                at = till
            end
            shows = "text"
            if name ~= "text" then
                value = tonumber((text:gsub("[%s%z]+", "")), name == "hex" and 16 or 10)
                if not value then return false end
            end
        elseif name == "bytes" then
            local width = tonumber(inner)
            if not width then return false end
            local short = need(width)
            if short then return nil, short end
            at, shows = at + width, "bytes"
        elseif how == "pieces" then
            local total = length
            if rest_from then total = rest_from + whole - at end
            local till, short = pieces_of(raw, context.piece or {}, at, to_end, shown, total, known.count, context.gathered)
            if not till then return till, short end
            at, shows = till, nil
        elseif name == "data" then
            -- Always so many bytes, of which the last piece fills some.
            local block = inner and tonumber(inner)
            local bytes = length or block or (context.left and not to_end and context.left) or #raw + 1 - at
            if context.left then bytes = math.min(bytes, context.left) end
            if block then bytes = math.min(bytes, block) end
            if bytes < 0 or bytes > LONGEST then return false end
            local width = block or bytes
            if context.datagram then width = math.min(width, #raw + 1 - at) end
            bytes = math.min(bytes, width)
            local short = need(width)
            if short then return nil, short end
            if bytes > 0 then
                shown[#shown + 1] = { at, bytes, "piece" }
                context.gathered[#context.gathered + 1] = { at, bytes }
            end
            at, shows = at + width, nil
        elseif name == "picture" or name == "pixels" then
            local terminator = inner and inner:match('^until (".*")$')
            local bytes = length
            if rest_from then
                -- Fields behind the picture count in what `rest` and `all` say.
                local behind = width_behind(fields, number)
                if not behind then return false end
                bytes = rest_from + whole - at - behind
            end
            if name == "pixels" and not bytes then
                bytes = bytes_of_pixels(inner or "", known)
                if not bytes then return false end
            end
            if terminator then
                terminator = quoted(terminator, 1)
                local till = raw:find(terminator, at, true)
                if not till then return nil, 0 end
                bytes = till - at
            elseif not bytes then
                if not to_end then return nil, -1 end
                bytes = #raw + 1 - at
            end
            if bytes < 0 or bytes > LONGEST then return false end
            local short = need(bytes)
            if short then return nil, short end
            if bytes > 0 then shown[#shown + 1] = { at, bytes, "picture" } end
            at = at + bytes + (terminator and #terminator or 0)
            shows = nil
        else
            return false
        end
        if not literal and shows then
            shown[#shown + 1] = { start, at - start, shows, value, role }
        end
        if value and role ~= "" then
            local said = value - counted
            known[role] = said
            if role == "length" then length = said
            elseif role == "length(bits)" then length = said / 8
            elseif role == "length(rest)" then rest_from, whole = at, said
            elseif role == "length(all)" then rest_from, whole = from, said end
        end
    end
    return at
end

-- Reads a message: its header, the picture, and what comes behind it.
local function message(raw, found, from, to_end, shown, context)
    context.piece = found.piece
    local till, short = read(raw, found.message, from, to_end, shown, context)
    if till and found["end"] then return read(raw, found["end"], till, to_end, shown, context) end
    return till, short
end

-- A datagram: of the message, of a piece, or of the end, whichever fills it.
local function datagram(raw, found, shown)
    for _, fields in ipairs({ found.message or false, found["end"] or false, found.piece or false }) do
        if fields then
            local tried, context = {}, { datagram = true }
            local till = read(raw, fields, 1, true, tried, context)
            if till == #raw + 1 then
                for _, one in ipairs(tried) do shown[#shown + 1] = one end
                return till
            end
        end
    end
    return false
end

local sequence, carried = Field.new("tcp.seq"), Field.new("tcp.len")

-- Whether these are the first bytes of a connection. Relative sequence numbers begin with 1 behind the SYN; what was put together ends
-- with this segment as long as it was asked for whole segments.
local function begins(tvb)
    local seq, length = sequence(), carried()
    return seq and length and seq.value + length.value - tvb:len() == 1
end

local function show(tree, shown, tvb, pinfo, root)
    for _, one in ipairs(shown) do
        local start, bytes, what, value, role = one[1] - 1, one[2], one[3], one[4], one[5]
        local range = tvb(start, bytes)
        if what == "picture" then
            picture(yf.picture, range, pinfo, tree, root)
        elseif what == "number" and value and value < 2 ^ 53 then
            local field = (role or ""):find("^length") and yf.length or yf.number
            local item = tree:add(field, range, UInt64(value % 2 ^ 32, math.floor(value / 2 ^ 32)))
            if role and role ~= "" then item:append_text(" (" .. role .. ")") end
        elseif what == "text" then
            if value and (role or ""):find("^length") then tree:add(yf.length, range, UInt64(value % 2 ^ 32, math.floor(value / 2 ^ 32))) end
            tree:add(yf.text, range)
        elseif what == "piece" then
            tree:add(yf.piece, range)
        else
            tree:add(yf.bytes, range)
        end
    end
end

function layout.dissector(tvb, pinfo, root)
    local found = sections(layout.prefs.layout)
    if not found then
        root:add(layout, tvb()):add(yf.mistake, tvb(), layout.prefs.layout)
        return tvb:len()
    end
    local raw = tvb:raw()
    if pinfo.port_type == UDP then
        local shown = {}
        local till = datagram(raw, found, shown)
        if not till then return 0 end
        pinfo.cols.protocol = "imgnet"
        show(root:add(layout, tvb()), shown, tvb, pinfo, root)
        return tvb:len()
    end
    if not found.message then return 0 end
    local at = 1
    local to_end = pinfo.can_desegment == 0
    if found.once and begins(tvb) then
        local shown = {}
        local till = read(raw, found.once, 1, to_end, shown, {})
        if till == false then return 0 end
        if not till then
            more(pinfo, 0, nil)
            return tvb:len()
        end
        local tree = root:add(layout, tvb(0, till - 1))
        tree:append_text(", once")
        show(tree, shown, tvb, pinfo, root)
        at = till
    end
    while at <= #raw do
        local shown, context = {}, {}
        local till, short = message(raw, found, at, to_end, shown, context)
        if till == false or till == at then return at - 1 end
        if not till then
            if short == -1 then
                pinfo.desegment_offset = at - 1
                pinfo.desegment_len = DESEGMENT_UNTIL_FIN or 0x0ffffffe
            else
                more(pinfo, at - 1, short > 0 and short or nil)
            end
            return tvb:len()
        end
        pinfo.cols.protocol = "imgnet"
        local tree = root:add(layout, tvb(at - 1, till - at))
        show(tree, shown, tvb, pinfo, root)
        if #context.gathered > 0 then
            local whole = ByteArray.new()
            for _, one in ipairs(context.gathered) do whole:append(tvb(one[1] - 1, one[2]):bytes()) end
            picture(yf.picture, whole:tvb("Picture")(), pinfo, tree, root)
        end
        at = till
    end
    return tvb:len()
end

decode_as("tcp.port", layout)
decode_as("udp.port", layout)
