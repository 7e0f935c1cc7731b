-- SPDX-License-Identifier: MIT
--- Discord's webhooks.
-- @module balance.notify.discord

local bodies = require "balance.notify.body"
local json = require "balance.json"
local text = require "balance.notify.text"

local _M = { name = "discord", options = {} }

local most = 2000 -- characters, as the service takes

-- Nobody is mentioned. lua-cjson writes an empty list as an object.
local mentions = { parse = {} }

function _M.request(event)
  local said = text.write(event):gsub("[\\*_~`|<>%[%]#]", "\\%0")
  local request = bodies.of {
    content = text.cut(said, most), allowed_mentions = mentions,
  }
  request.body = request.body:gsub('"parse":{}', '"parse":[]')
  return request
end

function _M.read(status, reply)
  if status >= 200 and status <= 299 then
    return nil
  end
  local body = json.decode(reply)
  local message = body and type(body.message) == "string" and body.message
  return bodies.refuse(status, message and {
    kind = status ~= 429 and status < 500 and "api" or nil,
    message = message, code = type(body.code) == "number" and body.code or nil,
    retry_after = type(body.retry_after) == "number" and body.retry_after
      or nil,
  })
end

return _M
