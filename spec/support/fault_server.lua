-- SPDX-License-Identifier: MIT
--
-- A server with faults. The path of a request names one; any other path gets
-- the one that was chosen last over the control port. Arguments: the file to
-- which it writes its ports, and a directory with server.pem and server.key.
local cqueues = require "cqueues"
local http2 = require "support.http2"
local json = require "cjson"
local serving = require "support.serving"
local ends = assert(package.loadlib(os.getenv "BALANCE_BUILD"
  .. "/spec/ends.so", "luaopen_ends"))()

local send, read_head = serving.send, serving.read_head

local served = 0 -- connections
local strays = 0 -- connections to the port that no call should connect to
local busy = 0 -- connections on which something follows the answer

-- The name of the chosen fault, and the bytes that were given with it.
local chosen, given = "none", ""

-- A right answer, of every service at once. Its amount is the number of its
-- connection; 6.66 is that of an answer without a request.
local function right(number)
  return ('{"code":200,"status":200000,"data":{"credits":%s,"balance":%s},'
    .. '"Response":{"Balance":%s}}'):format(number, number, number)
end

local function answer(body)
  return serving.answer("200 OK", body, "Content-Type: application/json\r\n")
end

-- Each gets the connection, its number, the head of the request and the bytes
-- that were given. The connection is kept where it returns true.
local faults = {}

function faults.none(connection, number)
  return send(connection, answer(right(number)))
end

function faults.silent(connection)
  connection:read(1)
end

function faults.closed() end

faults["say"] = function(connection, _, _, bytes)
  return send(connection, bytes)
end

-- With TLS's close_notify.
faults["say-and-close"] = function(connection, _, _, bytes)
  send(connection, bytes)
  local tls = connection:checktls()
  return tls and not ends.goodbye(tls)
end

-- Without it, as somebody in between could end a connection.
faults["say-and-cut"] = function(connection, _, _, bytes)
  send(connection, bytes)
  ends.cut(connection:pollfd()) -- fails where the client has closed already
  connection:read(1) -- until the other side closes too
end

faults["say-and-reset"] = function(connection, _, _, bytes)
  if bytes ~= "" then
    send(connection, bytes)
    cqueues.sleep(0.02) -- so that the bytes arrive before the reset
  end
  assert(ends.reset(connection:pollfd()))
end

-- Sends the bytes before a NUL once, and those after it again and again.
faults["say-for-ever"] = function(connection, _, _, bytes)
  local first, again = bytes:match("^(%Z*)%z(.*)$")
  send(connection, first)
  local piece = again:rep(math.ceil(16384 / #again))
  while send(connection, piece) do
    cqueues.sleep(0)
  end
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

faults.echo = function(connection, _, request)
  return send(connection, answer(request))
end

faults["late-echo"] = function(connection, _, request)
  cqueues.sleep(0.7)
  return faults.echo(connection, nil, request)
end

-- A refusal of every service at once.
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

-- Quotes the request up to the middle of the key.
faults["echo-cut"] = function(connection, _, request)
  return send(connection,
    refused(request:match("\r\nAuthorization: [^\r]*"):sub(1, -12)))
end

faults["echo-code"] = function(connection, _, request)
  return send(connection, refused(request, request))
end

-- The signature, at the end of the Authorization value.
local function signature_of(request)
  return request:match "\r\nAuthorization: [^\r]-([^ =\r]+)\r"
end

local function pieces_of(request)
  local signature = signature_of(request)
  return table.concat({ signature:sub(1, 40), signature:sub(1, 48),
    signature:sub(1, 8), signature:sub(20, 36), signature:sub(-12),
    signature:sub(9, 40):upper(), signature:sub(3, 30) }, " / ")
end

faults["echo-pieces"] = function(connection, _, request)
  local pieces = pieces_of(request)
  return send(connection, refused(pieces, pieces))
end

faults["echo-signature"] = function(connection, _, request)
  return send(connection, answer(json.encode { Response = { Balance = 1,
    Note = signature_of(request):sub(5, 20) } }))
end

faults["echo-answer"] = function(connection, _, request)
  return send(connection, answer(json.encode { code = 200, echo = request,
    data = { credits = 1 } }))
end

function faults.agent(connection, _, request)
  return send(connection,
    answer('{"agent":"' .. request:match("User%-Agent: ([^\r]*)") .. '"}'))
end

-- A folded line first. libcurl 7.88 adds it to the last header of the answer
-- before, which is freed; a newer one may read on until this answer ends.
faults["folded-first"] = function(connection)
  send(connection, "HTTP/1.1 200 OK\r\n X-A: b\r\nX-C: d\r\n"
    .. "Content-Length: 3\r\n\r\n{}")
end

-- Sends the answer, and acts a little later, when no request is under way.
local function later(act)
  return function(connection, number)
    busy = busy + 1
    send(connection, answer(right(number)))
    cqueues.sleep(0.02)
    local keep = act(connection)
    busy = busy - 1
    return keep
  end
end

faults["second-answer"] = later(function(connection)
  return send(connection, answer(right(6.66)))
end)

faults["late-408"] = later(function(connection)
  return send(connection, "HTTP/1.1 408 Request Timeout\r\n"
    .. "Connection: close\r\nContent-Length: 0\r\n\r\n")
end)

faults["idle-close"] = later(function(connection)
  connection:close()
end)

-- Headers in one record of TLS; in the next one the body and a second answer,
-- which OpenSSL keeps when libcurl has read the body.
faults["second-in-record"] = function(connection, number)
  local headers, body = answer(right(number)):match("^(.*\r\n\r\n)(.*)$")
  send(connection, headers)
  cqueues.sleep(0.02)
  return send(connection, body .. answer(right(6.66)))
end

local function read_request(connection)
  local head = read_head(connection)
  local length = head and tonumber(head:match("ength: (%d+)")) or 0
  return head, length > 0 and connection:read(length) or ""
end

local function serve(connection)
  served = served + 1
  local number = served
  local keep
  repeat
    local request = read_request(connection)
    local fault = request and (faults[request:match("^%u+ /([%w-]+)")]
      or faults[chosen])
    keep = fault and fault(connection, number, request, given)
  until not keep
end

local function serve_http2(connection)
  served = served + 1
  return http2.serve(connection, right(served), function() return chosen end)
end

-- POST /NAME chooses a fault, with the body as the bytes that are given, once
-- no connection is busy with the fault before.
local function serve_control(connection)
  while true do
    local request, body = read_request(connection)
    if not request then
      return
    end
    while busy > 0 do
      cqueues.sleep(0.001)
    end
    chosen, given = request:match("^%u+ /([%w-]+)"), body
    assert(faults[chosen] or http2.faults[chosen], chosen)
    send(connection, answer(tostring(strays)))
  end
end

local path, directory = arg[1], arg[2]

local function read(name)
  local file = assert(io.open(directory .. "/" .. name))
  local text = file:read("*a")
  file:close()
  return text
end

-- Answers a ClientHello with a fault.
local function serve_raw(connection)
  connection:read(-4096)
  faults[chosen](connection, 0, "", given)
end

-- Without a protocol it chooses HTTP/2, or HTTP/1.1 where the fault is "none".
local function tls(protocol)
  local context = require("openssl.ssl.context").new("TLS", true)
  context:setCertificate(require("openssl.x509").new(read "server.pem"))
  context:setPrivateKey(require("openssl.pkey").new(read "server.key"))
  context:setAlpnSelect(function()
    return protocol or chosen == "none" and "http/1.1" or "h2"
  end)
  return context
end

-- Demands a certificate of the client, which has none.
local function exclusive(options)
  local context, class = tls "http/1.1", require "openssl.ssl.context"
  context:setVerify(class.VERIFY_PEER + class.VERIFY_FAIL_IF_NO_PEER_CERT)
  context:setOptions(options)
  return context
end

local function serve_either(connection)
  local protocol = connection:checktls():getAlpnSelected()
  return (protocol == "h2" and serve_http2 or serve)(connection)
end

serving.run(path, table.concat({
  "plain", serving.listen(serve),
  "tls", serving.listen(serve, tls "http/1.1"),
  "http2", serving.listen(serve_http2, tls "h2"),
  "either", serving.listen(serve_either, tls()),
  "raw", serving.listen(serve_raw),
  "exclusive", serving.listen(serve, exclusive(0)),
  "exclusive12", serving.listen(serve,
    exclusive(require("openssl.ssl").OP_NO_TLSv1_3)),
  "control", serving.listen(serve_control),
  "elsewhere", serving.listen(function() strays = strays + 1 end),
}, " "))
