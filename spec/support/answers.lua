-- SPDX-License-Identifier: MIT
--- Complete answers, as bytes that the fault server says, and a client that
-- gets them.
local assert = require "luassert"
local cjson = require "cjson"
local failing = require "support.failing"
local faults = require "support.faults"

local _M = {}

_M.not_json = "the answer is not the JSON that the document promises"

--- The bytes of an answer. Without string.format, which stops at a NUL in Lua
-- 5.1.
function _M.bytes(body, status, headers)
  return "HTTP/1.1 " .. (status or 200) .. " X\r\nContent-Length: " .. #body
    .. "\r\n" .. (headers or "") .. "\r\n" .. body
end

--- The body of each service's answer with this balance, a text that need not
-- be JSON.
function _M.balance(provider, value)
  if provider == "tempolor" then
    return '{"status":200000,"data":{"balance":' .. value .. "}}"
  elseif provider == "udio" then
    return '{"code":200,"data":{"credits":' .. value .. "}}"
  end
  return '{"Response":{"Balance":' .. value .. "}}"
end

--- The body of each service's refusal, with a code that is not retryable; Udio
-- has none but the HTTP status.
function _M.refusal(provider, message, status)
  local text = cjson.encode(message)
  if provider == "tempolor" then
    return '{"status":400005,"message":' .. text .. ',"request_id":"r1"}'
  elseif provider == "udio" then
    return '{"code":' .. status .. ',"message":' .. text .. "}"
  end
  return '{"Response":{"Error":{"Code":"FailedOperation","Message":' .. text
    .. '},"RequestId":"r1"}}'
end

--- A header with a date, so many seconds after now or another time.
function _M.dated(name, seconds, from)
  return name .. os.date("!: %a, %d %b %Y %H:%M:%S GMT\r\n",
    (from or os.time()) + seconds)
end

--- Before each test: a new client.
function _M.begin()
  failing.without_pauses()
  return failing.client "plain"
end

--- The result of a call that these bytes answer; it must succeed.
function _M.takes(client, provider, bytes)
  faults.choose("say", bytes)
  local result, err = client[provider]()
  assert.is_nil(err, tostring(err))
  return result
end

return _M
