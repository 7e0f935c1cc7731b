-- SPDX-License-Identifier: MIT
--- As much of HTTP/2 as a server with faults needs: frames, and the few
-- headers in HPACK that are written here.
local cqueues = require "cqueues"

local _M = {}

-- Frame types (RFC 9113, section 6), flags, and error codes.
local DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION =
  0, 1, 3, 4, 6, 7, 9
local END_STREAM, END_HEADERS, ACK = 1, 4, 1
local INTERNAL_ERROR, REFUSED_STREAM, CALM = 2, 7, 11

local function number(value, bytes)
  local text = ""
  for _ = 1, bytes do
    text = string.char(value % 256) .. text
    value = math.floor(value / 256)
  end
  return text
end

local function value_of(text)
  local value = 0
  for i = 1, #text do
    value = value * 256 + text:byte(i)
  end
  return value
end

local function frame(kind, flags, stream, payload)
  return number(#payload, 3) .. string.char(kind, flags) .. number(stream, 4)
    .. payload
end

local function goaway(last, code)
  return frame(GOAWAY, 0, 0, number(last, 4) .. number(code, 4))
end

local function reset(stream, code)
  return frame(RST_STREAM, 0, stream, number(code, 4))
end

local ok = "\136" -- ":status: 200" of HPACK's static table

local function answer(stream, body)
  return frame(HEADERS, END_HEADERS, stream, ok)
    .. frame(DATA, END_STREAM, stream, body)
end

--- The faults. Each gets the stream of a request and the right body, and
-- returns what to send and maybe what to do then: "close" the connection in
-- order, "end" it without that, or send the third result "again" and again.
_M.faults = {}
local faults = _M.faults

function faults.none(stream, body)
  return answer(stream, body)
end

faults["h2-silent"] = function()
  return ""
end

faults["h2-end"] = function()
  return "", "end"
end

faults["h2-goaway"] = function()
  return goaway(0, 0), "close"
end

faults["h2-goaway-calm"] = function()
  return goaway(0, CALM), "close"
end

faults["h2-goaway-then-answer"] = function(stream, body)
  return goaway(stream, 0) .. answer(stream, body), "close"
end

faults["h2-goaway-after"] = function(stream, body)
  return answer(stream, body) .. goaway(stream, 0), "close"
end

faults["h2-reset"] = function(stream)
  return reset(stream, INTERNAL_ERROR)
end

faults["h2-refused"] = function(stream)
  return reset(stream, REFUSED_STREAM)
end

faults["h2-reset-in-body"] = function(stream, body)
  return frame(HEADERS, END_HEADERS, stream, ok)
    .. frame(DATA, 0, stream, body) .. reset(stream, INTERNAL_ERROR)
end

faults["h2-close-in-body"] = function(stream, body)
  return frame(HEADERS, END_HEADERS, stream, ok)
    .. frame(DATA, 0, stream, body), "close"
end

faults["h2-wrong-length"] = function(stream, body)
  -- "content-length: 2", a literal with the name from the static table
  return frame(HEADERS, END_HEADERS, stream, ok .. "\15\13\0012")
    .. frame(DATA, END_STREAM, stream, body)
end

faults["h2-garbage"] = function()
  return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "close"
end

faults["h2-endless-headers"] = function(stream)
  -- "x: yyy...", a literal with a new name, in every CONTINUATION
  local line = "\0\1x\127\0" .. ("y"):rep(127)
  return frame(HEADERS, END_STREAM, stream, ok), "again",
    frame(CONTINUATION, 0, stream, line:rep(100))
end

faults["h2-endless-body"] = function(stream)
  return frame(HEADERS, END_HEADERS, stream, ok), "again",
    frame(DATA, 0, stream, (" "):rep(16384))
end

faults["h2-endless-pings"] = function()
  return "", "again", frame(PING, 0, 0, ("x"):rep(8)):rep(100)
end

local preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

--- Serves a connection of cqueues until it ends. `body` is the right body,
-- `choice()` returns the name of the fault.
function _M.serve(connection, body, choice)
  if connection:read(#preface) ~= preface then
    return
  end
  connection:xwrite(frame(SETTINGS, 0, 0, ""), "bn")
  while true do
    local head = connection:read(9)
    if not head or #head < 9 then
      return
    end
    local length = value_of(head:sub(1, 3))
    local kind, flags = head:byte(4, 5)
    local payload = length == 0 and "" or connection:read(length)
    if not payload then
      return
    end
    local reply, after, more
    if kind == SETTINGS and flags % 2 ~= ACK then
      reply = frame(SETTINGS, ACK, 0, "")
    elseif (kind == HEADERS or kind == DATA) and flags % 2 == END_STREAM then
      reply, after, more = (faults[choice()] or faults.none)(
        value_of(head:sub(6, 9)), body)
    end
    if reply and not connection:xwrite(reply, "bn") then
      return
    elseif after == "again" then
      repeat
        cqueues.sleep(0)
      until not connection:xwrite(more, "bn")
      return
    elseif after == "end" then
      return
    elseif after == "close" then -- unread bytes would make it a reset
      connection:shutdown("w")
      repeat until not connection:xread(-4096)
      return
    end
  end
end

return _M
