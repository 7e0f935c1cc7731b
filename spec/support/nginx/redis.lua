-- SPDX-License-Identifier: MIT
--- A client of Redis for specs inside nginx, with the methods of
-- lua-resty-redis that a store needs. (Debian's package of that one brings
-- another nginx.)
-- luacheck: read globals ngx
local _M = {}

local Client = {}
Client.__index = Client

local function read_reply(socket)
  local line, err = socket:receive()
  if not line then
    return nil, err
  end
  local sign, rest = line:sub(1, 1), line:sub(2)
  if sign == "-" then
    return false, rest
  elseif sign ~= "$" then
    return sign == ":" and tonumber(rest) or rest
  elseif rest == "-1" then
    return ngx.null
  end
  local text
  text, err = socket:receive(tonumber(rest))
  if not text or not socket:receive(2) then
    return nil, err or "closed"
  end
  return text
end

local function command(self, ...)
  local words = { ... }
  local parts = { "*" .. #words .. "\r\n" }
  for i, word in ipairs(words) do
    parts[i + 1] = "$" .. #word .. "\r\n" .. word .. "\r\n"
  end
  local sent, err = self.socket:send(parts)
  if not sent then
    return nil, err
  end
  return read_reply(self.socket)
end

for _, name in ipairs { "get", "set", "del" } do
  Client[name] = function(self, ...)
    return command(self, name, ...)
  end
end

function Client:set_keepalive()
  return self.socket:setkeepalive(10000, 8)
end

function Client:close()
  return self.socket:close()
end

--- Makes a client.
function _M.new()
  return setmetatable({ socket = ngx.socket.tcp() }, Client)
end

function Client:set_timeouts(...)
  self.socket:settimeouts(...)
end

function Client:connect(...)
  return self.socket:connect(...)
end

--- Makes one that is connected to a Unix socket.
function _M.connect(path)
  local client = _M.new()
  client:set_timeouts(1000, 1000, 1000)
  local ok, err = client:connect("unix:" .. path)
  return ok and client, err
end

return _M
