-- SPDX-License-Identifier: MIT
--
-- A server for webhooks, over TLS: the first part of a path says how it
-- answers, "/ok/...". "/signed/..." takes what is signed with a secret, as
-- DingTalk and Feishu check that. It writes to the directory that is its
-- argument: ca.pem; log, each request as it came, with a line of equals signs
-- after it; and last, once it listens, port.
local certificates = require "support.certificates"
local cjson = require "cjson"
local context = require "openssl.ssl.context"
local cqueues = require "cqueues"
local hmac = require "openssl.hmac"
local serving = require "support.serving"

local directory = arg[1]
local log = assert(io.open(directory .. "/log", "a"))
log:setvbuf "no"

local root = certificates.issue { cn = "spec root", ca = true }
local own = certificates.issue { cn = "localhost", issuer = root,
  names = { { "DNS", "localhost" } } }

local asked = {} -- how often, by path

local answer = serving.answer

local secret = "a-secret-of-a-robot"
local hour = 3600 -- seconds

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  .. "0123456789+/"

-- The bytes of a text in base64.
local function from_base64(text)
  local bits, count, bytes = 0, 0, {}
  for character in text:gmatch "[^=]" do
    bits = bits * 64 + assert(alphabet:find(character, 1, true)) - 1
    count = count + 6
    if count >= 8 then
      count = count - 8
      bytes[#bytes + 1] = string.char(math.floor(bits / 2 ^ count))
      bits = bits % 2 ^ count
    end
  end
  return table.concat(bytes)
end

local function is_signed(path, body)
  local time, sign = path:match "[?&]timestamp=(%d+)&sign=(%S+)$"
  if time then -- DingTalk
    return math.abs(tonumber(time) / 1000 - os.time()) < hour
      and hmac.new(secret, "sha256"):final(time .. "\n" .. secret)
        == from_base64(decoded(sign))
  end
  local document = cjson.decode(body)
  time, sign = document.timestamp, document.sign
  return time ~= nil and math.abs(tonumber(time) - os.time()) < hour
    and hmac.new(time .. "\n" .. secret, "sha256"):final("")
      == from_base64(sign)
end

local behaviours = {
  ok = function() return answer("200 OK", "ok") end,
  created = function() return answer("204 No Content", "") end,
  taken = function() return answer("200 OK", '{"code":0,"errcode":0}') end,
  refused = function()
    return answer("200 OK", '{"code":19021,"msg":"sign match fail",'
      .. '"errcode":310000,"errmsg":"keywords not in content"}')
  end,
  signed = function(_, path, body)
    return answer("200 OK", is_signed(path, body)
      and '{"code":0,"errcode":0}'
      or '{"code":19021,"errcode":310000,"errmsg":"sign not match"}')
  end,
  html = function() return answer("200 OK", "<html>Log in</html>") end,
  redirect = function()
    return answer("302 Found", "", "Location: /ok/elsewhere\r\n")
  end,
  forbidden = function() return answer("403 Forbidden", "invalid_token") end,
  unknown = function()
    return answer("404 Not Found", '{"message":"Unknown Webhook",'
      .. '"code":10015}')
  end,
  limited = function(count)
    return count == 1 and answer("429 Too Many Requests",
      '{"message":"slow down","retry_after":0.01}')
      or answer("204 No Content", "")
  end,
  busy = function() return answer("503 Service Unavailable", "later") end,
  long = function()
    return answer("429 Too Many Requests", "later", "Retry-After: 900\r\n")
  end,
  large = function() return answer("200 OK", ("x"):rep(3000000)) end,
  reset = function() return "" end,
  slow = function()
    cqueues.sleep(60)
    return ""
  end,
  echo = function(_, path)
    return answer("400 Bad Request", ('{"message":"no such webhook: %s",'
      .. '"errcode":1,"errmsg":"no such webhook: %s"}'):format(path, path))
  end,
  decoded = function(_, path)
    return answer("400 Bad Request", '{"message":"no such webhook: '
      .. decoded(path) .. '"}')
  end,
}

local function handle(connection)
  local head = serving.read_head(connection)
  if not head then
    return
  end
  local length = head:lower():match "\r\ncontent%-length: (%d+)"
  local body = length and connection:read(tonumber(length)) or ""
  log:write(head, body, "\n====\n")
  local path = head:match "^%u+ (%S+)"
  asked[path] = (asked[path] or 0) + 1
  local bytes = behaviours[path:match "^/(%l+)"](asked[path], path, body)
  serving.send(connection,
    (bytes:gsub("\r\n", "\r\nConnection: close\r\n", 1)))
end

local tls = context.new("TLS", true)
tls:setCertificate(own.certificate)
tls:setPrivateKey(own.key)
local port = serving.listen(handle, tls)
serving.write(directory .. "/ca.pem", root.certificate:toPEM())
serving.run(directory .. "/port", ("%d"):format(port))
