-- SPDX-License-Identifier: MIT
--
-- A proxy for CONNECT only, which answers 407 to the user "refused".
-- Arguments: the file to which it writes its port; the file to which it
-- appends the head of each request; and how many seconds the first tunnel
-- takes.
local cqueues = require "cqueues"
local serving = require "support.serving"

local path, log = arg[1], arg[2]
local pause = tonumber(arg[3] or 0)

local function read_head(connection)
  local text = connection:read(1) or ""
  local line = text == "C" -- another protocol may send nothing more
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
