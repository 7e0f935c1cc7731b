-- SPDX-License-Identifier: MIT
--
-- A server that answers `GET /SIZE/ROOM` once SIZE requests of that room are
-- there at the same time, and `GET /0/ROOM` once no other has come for a
-- while. The credits of the answer are the number of requests. So it shows
-- what is in flight at once, without measuring time. Argument: the file to
-- which it writes its port.
local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local serving = require "support.serving"

local a_while = 0.5 -- seconds

local meetings = {}

-- Returns false where the client goes away first.
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

-- Returns how many requests met; false where the client goes away first.
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

serving.run(arg[1], serving.listen(function(connection)
  local gone = { pollfd = connection:pollfd(), events = "r" }
  local head = serving.read_head(connection)
  while head do
    local size, room = head:match("^GET /(%d+)/(%S*) ")
    local count = meet(room, tonumber(size), gone)
    if not count then
      return
    end
    serving.send(connection, serving.answer("200 OK",
      ('{"code":200,"data":{"credits":%d}}'):format(count)))
    head = serving.read_head(connection)
  end
end))
