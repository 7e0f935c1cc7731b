-- SPDX-License-Identifier: MIT
--- Slack's incoming webhooks.
-- @module balance.notify.slack

local bodies = require "balance.notify.body"
local text = require "balance.notify.text"

local _M = { name = "slack", options = {} }

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

--- Makes the request for an event.
-- @tparam balance.AlarmEvent event
-- @treturn table `headers` and `body`
function _M.request(event)
  return bodies.of { text = (text.write(event):gsub("[&<>]", escapes)) }
end

--- Reads a reply: "ok", or a word such as "invalid_payload".
-- @tparam integer status of HTTP
-- @tparam string reply
-- @treturn ?table the fields of a failure; nil: it was taken
function _M.read(status, reply)
  if status == 200 and reply == "ok" then
    return nil
  end
  local word = #reply <= 64 and reply:match "^[a-z_]+$"
  return bodies.refuse(status, word and { message = word } or status == 200
    and { kind = "decode", message = "the reply is not the service's" } or nil)
end

return _M
