-- SPDX-License-Identifier: MIT
--
-- A proxy that knows CONNECT alone, says 407 to the user "refused", and
-- appends what it is told before a tunnel begins to the file that is its
-- second argument. Writes its port to the first. For the first tunnel it takes
-- as many seconds as the third says.
local cqueues = require "cqueues"
local serving = require "support.serving"

local path, log = arg[1], arg[2]
local pause = tonumber(arg[3] or 0)

local function read_head(connection)
  local text = connection:read(1) or ""
  local line = text == "C" -- else it is another protocol, which may wait
  while line and line ~= "\r\n" do
    line = connection:read "*L"
    text = text .. (line or "")
  end
  return text
end

serving.run(path, serving.listen(function(client)
  local head = read_head(client)
  local file = assert(io.open(log, "a"))
  assert(file:write(head))
  assert(file:close())
  local port = head:match "^CONNECT %S+:(%d+) HTTP/1%.1\r\n"
  if not port or head:find "Authorization: Basic cmVmdXNlZ" then -- "refused"
    serving.send(client, serving.answer("407 No", ""))
    return
  end
  local own = pause
  pause = 0
  cqueues.sleep(own)
  serving.tunnel(client, port, "HTTP/1.1 200 Connected\r\n\r\n")
end))
