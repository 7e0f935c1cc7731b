-- SPDX-License-Identifier: MIT
--
-- A service that can hang: it holds requests until it is told otherwise. Its
-- argument is the file to which it writes its ports. Connections are not kept,
-- so that no second request goes out beside one that is held.
--
-- Its control port takes one request a connection, GET /MODE/NUMBER:
--
--   answer   requests are answered, with the number of the request as credits
--   hold     they wait for another mode
--   busy     they are refused with 429 and a Retry-After of so many seconds
--   count    changes nothing
--
-- It answers how many requests there were so far, and how many are held.
local condition = require "cqueues.condition"
local serving = require "support.serving"

local changed = condition.new()
local mode, number = "answer", "0"
local requests, held = 0, 0

local close = "Connection: close\r\n"

local answers = {
  answer = function(count)
    return serving.answer("200 OK",
      ('{"code":200,"data":{"credits":%d}}'):format(count), close)
  end,
  busy = function()
    return serving.answer("429 Too Many Requests",
      '{"code":429,"message":"slow down"}',
      close .. "Retry-After: " .. number .. "\r\n")
  end,
}

local function serve(connection)
  if not serving.read_head(connection) then
    return
  end
  requests, held = requests + 1, held + 1
  local count = requests
  while mode == "hold" do
    changed:wait()
  end
  held = held - 1
  serving.send(connection, answers[mode](count))
end

local function control(connection)
  local command, value = serving.read_head(connection):match "/(%a+)/(%d+)"
  if command ~= "count" then
    mode, number = command, value
    changed:signal()
  end
  serving.send(connection, serving.answer("200 OK",
    ("%d %d"):format(requests, held), close))
end

serving.run(arg[1], ("service %s control %s"):format(serving.listen(serve),
  serving.listen(control)))
