-- imgnet in Wireshark: the comments of `imgnet annotate` and `imgnet capture` as fields that can be filtered for.
--
-- Put into the folder of personal Lua plugins by `imgnet wireshark install`. Works with the Lua of Wireshark 4.0 (5.2) and of
-- 4.4 and later (5.4). It keeps nothing between packets.
--
--   imgnet.picture == 3                 frames of picture 3
--   imgnet.chunk == 5                   frames that carry a byte of a chunk 5
--   imgnet.finding == "early-close"     frames that show a finding
--   imgnet.again                        frames that send picture bytes again

if not (register_postdissector and Proto and Field) then return end

local imgnet = Proto("imgnet", "imgnet")

local f = {
    picture = ProtoField.uint32("imgnet.picture", "Picture", base.DEC, nil, nil, "Number of the picture"),
    chunk = ProtoField.uint32("imgnet.chunk", "Chunk", base.DEC, nil, nil, "First chunk of which the frame carries bytes"),
    last_chunk = ProtoField.uint32("imgnet.last_chunk", "Last chunk", base.DEC, nil, nil, "Last chunk of which the frame carries bytes"),
    offset = ProtoField.uint64("imgnet.offset", "Offset", base.DEC, nil, nil, "Offset of the first byte in the picture"),
    bytes = ProtoField.uint32("imgnet.bytes", "Bytes", base.DEC, nil, nil, "Bytes of the picture in the frame"),
    again = ProtoField.bool("imgnet.again", "Sent again", base.NONE, nil, nil, "At least one of the bytes had been seen before"),
    begins = ProtoField.bool("imgnet.begins", "Begins", base.NONE, nil, nil, "The picture begins in this frame"),
    ends = ProtoField.bool("imgnet.ends", "Ends", base.NONE, nil, nil, "The picture ends in this frame"),
    verdict = ProtoField.string("imgnet.verdict", "Verdict", base.UNICODE, "Verdict on the picture"),
    finding = ProtoField.string("imgnet.finding", "Finding", base.UNICODE, "Name of the finding that the frame shows"),
    severity = ProtoField.string("imgnet.severity", "Severity", base.UNICODE, "Severity of the finding"),
    text = ProtoField.string("imgnet.text", "Text", base.UNICODE, "What the comment says"),
}
local all = {}
for _, field in pairs(f) do all[#all + 1] = field end
imgnet.fields = all

local comments = Field.new("frame.comment")

local verdicts = { match = true, unverified = true, inconclusive = true, incomplete = true, mismatch = true }

-- The verdict that stands at the end of what is said of a picture.
local function verdict_of(text)
    for word in text:gmatch("%a+") do
        if verdicts[word] then return word end
    end
end

local function number(tree, field, text)
    local value = tonumber(text)
    if value then tree:add(field, value):set_generated() end
end

-- One comment: its numbers into the tree, in short what it says.
local function comment(tree, text)
    local branch = tree:add(f.text, text)
    branch:set_generated()
    local finding, rest = text:match("^imgnet: finding ([%w-]+)(.*)")
    if finding then
        branch:add(f.finding, finding):set_generated()
        local severity = rest:match("^, (%a+),")
        if severity then branch:add(f.severity, severity):set_generated() end
        return finding
    end
    local picture
    picture, rest = text:match("^imgnet: picture (%d+)(.*)")
    if not picture then return end
    number(branch, f.picture, picture)
    if rest:match("^ begins") then
        branch:add(f.begins, true):set_generated()
    elseif rest:match("^ ends") then
        branch:add(f.ends, true):set_generated()
    end
    local verdict = verdict_of(rest)
    if verdict then branch:add(f.verdict, verdict):set_generated() end
    local chunk = rest:match("^, chunk (%d+)")
    local first, last = rest:match("^, chunks (%d+) to (%d+)")
    first = chunk or first
    if first then
        number(branch, f.chunk, first)
        number(branch, f.last_chunk, last or first)
    end
    local offset, bytes = rest:match(", offset (%d+), (%d+) bytes")
    if offset then
        branch:add(f.offset, UInt64.new(offset)):set_generated()
        number(branch, f.bytes, bytes)
        if rest:match("sent again$") then branch:add(f.again, true):set_generated() end
        if first then
            return "picture " .. picture .. " chunk " .. first .. (last and last ~= first and "-" .. last or "")
        end
        return "picture " .. picture
    end
end

function imgnet.dissector(_, pinfo, root)
    local found = { comments() }
    if #found == 0 then return end
    local tree, shorts = nil, {}
    for _, info in ipairs(found) do
        local text = tostring(info.value)
        if text:sub(1, 8) == "imgnet: " then
            if not tree then
                tree = root:add(imgnet)
                tree:set_generated()
            end
            shorts[#shorts + 1] = comment(tree, text)
        end
    end
    if #shorts > 0 then
        tree:append_text(", " .. table.concat(shorts, ", "))
        pinfo.cols.info:append(" [" .. table.concat(shorts, ", ") .. "]")
    end
end

register_postdissector(imgnet)
