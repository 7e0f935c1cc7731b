-- SPDX-License-Identifier: MIT
--- Slack's incoming webhooks.
-- @module balance.notify.slack

local bodies = require "balance.notify.body"
local text = require "balance.notify.text"

local _M = { name = "slack", options = {} }

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

function _M.request(event)
  return bodies.of { text = (text.write(event):gsub("[&<>]", escapes)) }
end

function _M.read(status, reply)
  if status == 200 and reply == "ok" then
    return nil
  end
  -- a word such as "invalid_payload"
  local word = #reply <= 64 and reply:match "^[a-z_]+$"
  if word then
    return bodies.refuse(status, { kind = status ~= 429 and "api" or nil,
      message = word })
  end
  return bodies.refuse(status, status == 200
    and { kind = "decode", message = "the reply is not the service's" })
end

return _M
