-- SPDX-License-Identifier: MIT
--
-- A server that answers `GET /SIZE/ROOM` once SIZE requests of that room are
-- there at the same time, and `GET /0/ROOM` once no other has come for a
-- while; the credits say how many there were. It shows what is in flight at
-- once, without a clock. Writes its port to the file that is its argument.
local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local a_while = 0.5 -- seconds

local loop = cqueues.new()
local meetings = {}

-- False where the client goes away before.
local function await_others(meeting, size, gone)
  while not meeting.over do
    if meeting.count == size then
      meeting.over = true
    elseif size == 0 and cqueues.monotime() - meeting.last > a_while then
      meeting.over = true
    elseif cqueues.poll(meeting.ended, gone, a_while / 5) == gone then
      meeting.count = meeting.count - 1
      return false
    end
  end
  meeting.ended:signal()
  return true
end

-- How many came to the meeting.
local function meet(room, size, gone)
  local meeting = meetings[room]
    or { count = 0, ended = condition.new() }
  meetings[room] = meeting
  meeting.count = meeting.count + 1
  meeting.last = cqueues.monotime()
  local met = await_others(meeting, size, gone)
  if met and meetings[room] == meeting then
    meetings[room] = nil
  end
  return met and meeting.count
end

local function serve(connection)
  connection:setmode("bn", "bn")
  local gone = { pollfd = connection:pollfd(), events = "r" }
  local line = connection:read("*L")
  while line do
    local size, room = line:match("^GET /(%d+)/(%S*) ")
    repeat
      line = connection:read("*L")
    until not line or line == "\r\n"
    local count = meet(room, tonumber(size), gone)
    if not count then
      break
    end
    local body = ('{"code":200,"data":{"credits":%d}}'):format(count)
    connection:xwrite("HTTP/1.1 200 OK\r\nContent-Length: " .. #body
      .. "\r\n\r\n" .. body, "bn")
    line = connection:read("*L")
  end
  connection:close()
end

local server = assert(socket.listen { host = "127.0.0.1", port = 0 })
local _, _, port = assert(server:localname())

loop:wrap(function()
  while true do
    local connection = server:accept()
    connection:onerror(function(_, _, why) return why end)
    loop:wrap(function() serve(connection) end)
  end
end)

local path = arg[1]
local file = assert(io.open(path .. ".new", "w"))
assert(file:write(port))
assert(file:close())
assert(os.rename(path .. ".new", path))
assert(loop:loop())
