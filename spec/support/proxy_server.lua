-- SPDX-License-Identifier: MIT
--
-- A proxy that knows CONNECT alone, says 407 to the user "refused", and
-- appends what it is told before a tunnel begins to the file that is its
-- second argument. Writes its port to the first.
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local path, log = arg[1], arg[2]
local loop = cqueues.new()

local function read_head(connection)
  local text = connection:read(1) or ""
  local line = text == "C" -- else it is another protocol, which may wait
  while line and line ~= "\r\n" do
    line = connection:read "*L"
    text = text .. (line or "")
  end
  return text
end

local function copy(from, to)
  repeat
    local bytes = from:read(-4096)
  until not bytes or not to:xwrite(bytes, "bn")
  to:shutdown "w"
end

local function serve(client)
  client:setmode("bn", "bn")
  local head = read_head(client)
  local file = assert(io.open(log, "a"))
  assert(file:write(head))
  assert(file:close())
  local port = head:match "^CONNECT %S+:(%d+) HTTP/1%.1\r\n"
  if not port or head:find "Authorization: Basic cmVmdXNlZ" then -- "refused"
    client:xwrite("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", "bn")
    client:close()
    return
  end
  local server = assert(socket.connect { host = "127.0.0.1", port = port })
  server:onerror(function(_, _, why) return why end)
  server:setmode("bn", "bn")
  client:xwrite("HTTP/1.1 200 Connected\r\n\r\n", "bn")
  loop:wrap(function() copy(server, client) end)
  copy(client, server)
end

local server = assert(socket.listen { host = "127.0.0.1", port = 0 })
local _, _, port = assert(server:localname())

loop:wrap(function()
  while true do
    local client = server:accept()
    client:onerror(function(_, _, why) return why end)
    loop:wrap(function() serve(client) end)
  end
end)

local file = assert(io.open(path .. ".new", "w"))
assert(file:write(port))
assert(file:close())
assert(os.rename(path .. ".new", path))
assert(loop:loop())
