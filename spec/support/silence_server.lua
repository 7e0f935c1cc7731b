-- SPDX-License-Identifier: MIT
--
-- A server whose connections become silent. Arguments: the file to which it
-- writes its ports, and a directory with server.pem and server.key.
--
-- Its control port takes one request a connection, GET /COMMAND/NUMBER:
--
--   silent   no more answers on the connections that there are now (0), or on
--            new ones too until the next such command (1)
--   reset    the connections that there are now are reset at their next
--   request close    they are closed at their next request
--   wait     from now on each answer takes so many milliseconds
--   refuse   new connections are closed at once (1), or served (0)
--   count    changes nothing
--
-- It answers how many connections there were so far, how many of them are
-- open, and how many requests there were.
local cqueues = require "cqueues"
local http2 = require "support.http2"
local serving = require "support.serving"
local ends = assert(package.loadlib(os.getenv "BALANCE_BUILD"
  .. "/spec/ends.so", "luaopen_ends"))()

local path, directory = arg[1], arg[2]

local served, open, requests = 0, 0, 0
local refuses, pause = false, 0
-- The number of the last connection that each command is for.
local last_of = { silent = 0, reset = 0, close = 0 }

-- The fate of a connection: "silent", "reset", "close" or nil.
local function fate_of(number)
  for fate, last in pairs(last_of) do
    if number <= last then
      return fate
    end
  end
end

local function body_of(number)
  return ('{"code":200,"status":200000,"data":{"credits":%d,"balance":%d},'
    .. '"Response":{"Balance":%d}}'):format(number, number, number)
end

local function serve_http1(connection, number)
  local head = serving.read_head(connection)
  while head do
    connection:read(tonumber(head:match "ength: (%d+)") or 0)
    requests = requests + 1
    cqueues.sleep(pause)
    local fate = fate_of(number)
    if fate == "silent" then
      connection:read(1) -- until the other side closes
      return
    elseif fate == "reset" then
      ends.reset(connection:pollfd())
      return
    elseif fate == "close" then
      return
    end
    serving.send(connection, serving.answer("200 OK", body_of(number)))
    head = serving.read_head(connection)
  end
end

local of_http2 = { silent = "h2-silent", reset = "h2-end",
  close = "h2-goaway" }

local function serve_http2(connection, number)
  http2.serve(connection, body_of(number), function()
    requests = requests + 1
    cqueues.sleep(pause)
    local fate = fate_of(number)
    if fate == "reset" then
      ends.reset(connection:pollfd())
    end
    return of_http2[fate] or "none"
  end)
end

local function counted(serve)
  return function(connection)
    served, open = served + 1, open + 1
    if not refuses then
      serve(connection, served)
    end
    open = open - 1
  end
end

local function control(connection)
  local command, value = serving.read_head(connection):match "/(%a+)/(%d+)"
  if last_of[command] then
    last_of[command] = value == "1" and math.huge or served
  elseif command == "wait" then
    pause = value / 1000
  elseif command == "refuse" then
    refuses = value == "1"
  end
  serving.send(connection, serving.answer("200 OK",
    ("%d %d %d"):format(served, open, requests), "Connection: close\r\n"))
end

local function read(name)
  local file = assert(io.open(directory .. "/" .. name))
  local text = file:read("*a")
  file:close()
  return text
end

local function tls(protocol)
  local context = require("openssl.ssl.context").new("TLS", true)
  context:setCertificate(require("openssl.x509").new(read "server.pem"))
  context:setPrivateKey(require("openssl.pkey").new(read "server.key"))
  context:setAlpnSelect(function() return protocol end)
  return context
end

serving.run(path, table.concat({
  "plain", serving.listen(counted(serve_http1)),
  "tls", serving.listen(counted(serve_http1), tls "http/1.1"),
  "http2", serving.listen(counted(serve_http2), tls "h2"),
  "control", serving.listen(control),
}, " "))
