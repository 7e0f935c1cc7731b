-- SPDX-License-Identifier: MIT
--- Discord's webhooks.
-- @module balance.notify.discord

local bodies = require "balance.notify.body"
local text = require "balance.notify.text"

local _M = { name = "discord", options = {} }

local most = 2000 -- characters, as the service takes

-- Nobody is mentioned. lua-cjson writes an empty list as an object.
local mentions = { parse = {} }

--- Makes the request for an event.
-- @tparam balance.AlarmEvent event
-- @treturn table `headers` and `body`
function _M.request(event)
  local said = text.write(event):gsub("[\\*_~`|<>%[%]#]", "\\%0")
  local request = bodies.of {
    content = text.cut(said, most), allowed_mentions = mentions,
  }
  request.body = request.body:gsub('"parse":{}', '"parse":[]')
  return request
end

local function of_type(value, kind)
  return type(value) == kind and value or nil
end

--- Reads a reply: nothing, or a JSON object.
-- @tparam integer status of HTTP
-- @tparam string reply
-- @treturn ?table the fields of a failure; nil: it was taken
function _M.read(status, reply)
  local said = bodies.decode(reply)
  if status >= 200 and status <= 299 then
    return reply ~= "" and not said and bodies.refuse(status,
      { kind = "decode", message = "the reply is not the service's" }) or nil
  end
  return bodies.refuse(status, said and of_type(said.message, "string") and {
    message = said.message, code = of_type(said.code, "number"),
    retry_after = of_type(said.retry_after, "number"),
  } or nil)
end

return _M
