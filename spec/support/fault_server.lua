-- SPDX-License-Identifier: MIT
--
-- A server that misbehaves, in the way that the path of a request names.
-- Writes its ports, one without TLS and one with, to the file that is its
-- first argument; the second is a directory with server.pem and server.key.
local cqueues = require "cqueues"
local socket = require "cqueues.socket"
local json = require "cjson"

local loop = cqueues.new()
local served = 0 -- connections

local function answer(body)
  return ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" ..
    "Content-Length: %d\r\n\r\n%s"):format(#body, body)
end

-- The credits say which connection the answer came over.
local function credits(number)
  return answer('{"code":200,"message":"success","data":{"credits":'
    .. number .. "}}")
end

local function send(connection, bytes)
  return connection:xwrite(bytes, "bn")
end

local function endless(connection, first, piece)
  send(connection, first)
  while send(connection, piece) do
    cqueues.sleep(0)
  end
end

local chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
local head = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"

-- Each gets the connection, its number and the head of the request. A true
-- result keeps the connection.
local faults = {}

function faults.none(connection, number)
  return send(connection, credits(number))
end

function faults.silent(connection)
  connection:read(1)
end

function faults.drip(connection)
  local text = "HTTP/1.1 200 OK\r\nX-Drip: " .. ("x"):rep(4000)
  for i = 1, #text do
    if not send(connection, text:sub(i, i)) then
      return
    end
    cqueues.sleep(0.05)
  end
end

function faults.closed() end

faults["cut-in-headers"] = function(connection)
  send(connection, "HTTP/1.1 200 OK\r\nContent-Type: appl")
end

faults["cut-after-a-header"] = function(connection)
  send(connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
end

faults["cut-after-continue"] = function(connection)
  send(connection, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n")
end

faults["cut-in-body"] = function(connection)
  send(connection, head .. '{"code":200')
end

faults["cut-in-chunk"] = function(connection)
  send(connection, chunked .. "40\r\n{")
end

faults["wrong-chunk"] = function(connection)
  send(connection, chunked .. "pigs\r\n{}\r\n0\r\n\r\n")
end

faults["endless-body"] = function(connection)
  endless(connection, "HTTP/1.1 200 OK\r\n\r\n", (" "):rep(65536))
end

faults["endless-headers"] = function(connection)
  endless(connection, "HTTP/1.1 200 OK\r\n",
    "X-More: " .. ("x"):rep(1000) .. "\r\n")
end

faults["long-header"] = function(connection)
  endless(connection, "HTTP/1.1 200 OK\r\nX-Long: ", ("x"):rep(65536))
end

faults["not-http"] = function(connection)
  send(connection, "220 mail.example.com ESMTP\r\n")
end

faults.continue = function(connection, number)
  return send(connection, "HTTP/1.1 100 Continue\r\n\r\n"
    .. "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" .. credits(number))
end

faults.trailer = function(connection)
  return send(connection, chunked .. '2\r\n{}\r\n0\r\nX-After: 1\r\n\r\n')
end

faults.echo = function(connection, _, request)
  return send(connection, answer(request))
end

-- A failure of every service in one, with the request in its message, its
-- beginning in it, or in its code.
local function refused(message, code)
  return answer(json.encode {
    code = 401, status = 400002, message = message, request_id = message,
    Response = { RequestId = message, Error = { Message = message,
      Code = "AuthFailure" .. (code or "") } },
  })
end

faults["echo-refused"] = function(connection, _, request)
  return send(connection, refused(request:gsub("\r\n", " ")))
end

-- As far as the middle of a key.
faults["echo-cut"] = function(connection, _, request)
  return send(connection,
    refused(request:match("\r\nAuthorization: [^\r]*"):sub(1, -12)))
end

faults["echo-code"] = function(connection, _, request)
  return send(connection, refused(request, request))
end

faults["echo-answer"] = function(connection, _, request)
  return send(connection, answer(json.encode { code = 200, echo = request,
    data = { credits = 1 } }))
end

function faults.agent(connection, _, request)
  return send(connection,
    answer('{"agent":"' .. request:match("User%-Agent: ([^\r]*)") .. '"}'))
end

-- An answer that nobody asked for, after the one that somebody did.
-- Headers in one record of TLS; in the next one the body and another answer,
-- of which libcurl leaves the latter with OpenSSL.
faults["second-in-record"] = function(connection, number)
  local headers, body = credits(number):match("^(.*\r\n\r\n)(.*)$")
  send(connection, headers)
  cqueues.sleep(0.02)
  return send(connection, body .. credits(666))
end

faults["no-status"] = function(connection)
  return send(connection, "HTTP/200 OK\r\nContent-Length: 2\r\n\r\n{}")
end

-- libcurl 7.88 takes it for the rest of the header before it, one of the
-- answer before this, which is freed.
faults["folded-first"] = function(connection)
  return send(connection, "HTTP/1.1 200 OK\r\n X-A: b\r\nX-C: d\r\n"
    .. "Content-Length: 2\r\n\r\n{}")
end

local function later(bytes)
  return function(connection, number)
    send(connection, credits(number))
    cqueues.sleep(0.05)
    return send(connection, bytes)
  end
end

faults["second-answer"] = later(credits(666))
faults["late-408"] = later("HTTP/1.1 408 Request Timeout\r\n"
  .. "Connection: close\r\nContent-Length: 0\r\n\r\n")

faults["idle-close"] = function(connection, number)
  send(connection, credits(number))
  cqueues.sleep(0.05)
end

local function read_head(connection)
  local text = ""
  repeat -- no iterator: Lua 5.1 cannot wait inside one
    local line = connection:read("*L")
    text = text .. (line or "")
  until not line or line == "\r\n"
  return text ~= "" and text
end

local function serve(connection)
  served = served + 1
  local number = served
  connection:setmode("bn", "bn")
  local keep = true
  while keep do
    local request = read_head(connection)
    local fault = request and request:match("^%u+ /([%w-]+)")
    if fault == "reset" then
      break -- closed with the body unread: the kernel sends a reset
    end
    local length = request and tonumber(request:match("ength: (%d+)")) or 0
    if length > 0 then
      connection:read(length)
    end
    keep = fault and faults[fault](connection, number, request)
  end
  connection:close()
end

local path, directory = arg[1], arg[2]

local function read(name)
  local file = assert(io.open(directory .. "/" .. name))
  local text = file:read("*a")
  file:close()
  return text
end

local context = require("openssl.ssl.context").new("TLS", true)
context:setCertificate(require("openssl.x509").new(read "server.pem"))
context:setPrivateKey(require("openssl.pkey").new(read "server.key"))

-- Returns its port.
local function listen(prepare)
  local server = assert(socket.listen { host = "127.0.0.1", port = 0 })
  local _, _, port = assert(server:localname())
  loop:wrap(function()
    while true do
      local connection = server:accept()
      connection:onerror(function(_, _, why) return why end)
      loop:wrap(function()
        if prepare(connection) then
          serve(connection)
        end
      end)
    end
  end)
  return port
end

local plain = listen(function() return true end)
local tls = listen(function(connection)
  return connection:starttls(context)
end)

local file = assert(io.open(path .. ".new", "w"))
assert(file:write(plain, " ", tls))
assert(file:close())
assert(os.rename(path .. ".new", path))
assert(loop:loop())
