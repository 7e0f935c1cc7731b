-- SPDX-License-Identifier: MIT
--- For the specs' servers: they listen on a loopback address, write their
-- ports to a file, and serve until they are killed.
local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local _M = {}

local loop = cqueues.new()

local function quiet(connection)
  connection:onerror(function(_, _, why) return why end)
  connection:setmode("bn", "bn")
  return connection
end

--- Listens, and calls `handler(connection)` for each connection, with a
-- context after the TLS handshake; then closes it. After a failed handshake it
-- waits first, so that the client reads the alert before a reset. Returns the
-- port.
function _M.listen(handler, context)
  local server = assert(socket.listen { host = "127.0.0.1", port = 0 })
  local _, _, port = assert(server:localname())
  loop:wrap(function()
    while true do
      local connection = quiet(server:accept { nodelay = true })
      loop:wrap(function()
        if not context or connection:starttls(context) then
          handler(connection)
        else
          cqueues.sleep(0.5)
        end
        connection:close()
      end)
    end
  end)
  return port
end

function _M.send(connection, bytes)
  return connection:xwrite(bytes, "bn")
end

--- The head of the next request or answer; nil where the connection has ended.
function _M.read_head(connection)
  local text = ""
  repeat
    local line = connection:read "*L"
    text = text .. (line or "")
  until not line or line == "\r\n"
  return text ~= "" and text or nil
end

-- Copies bytes from one connection to another until the first one ends.
local function relay(from, to)
  repeat
    local bytes = from:read(-4096)
  until not bytes or not _M.send(to, bytes)
  to:shutdown "w"
end

--- Connects a client to a local port, sends it the greeting, and returns once
-- both directions have ended.
function _M.tunnel(client, port, greeting)
  local server =
    quiet(assert(socket.connect { host = "127.0.0.1", port = port }))
  _M.send(client, greeting)
  local ended, is_over = condition.new(), false
  loop:wrap(function()
    relay(client, server)
    is_over = true
    ended:signal()
  end)
  relay(server, client)
  if not is_over then
    ended:wait()
  end
  server:close()
end

--- An answer with a body and maybe more lines of headers.
function _M.answer(status, body, headers)
  return ("HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s"):format(status,
    headers or "", #body, body)
end

--- Writes a file at once, so that nobody reads a part of it.
function _M.write(path, text)
  local file = assert(io.open(path .. ".new", "w"))
  assert(file:write(text))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

--- Writes the ports to a file, and serves.
function _M.run(path, ports)
  _M.write(path, ports)
  assert(loop:loop())
end

return _M
