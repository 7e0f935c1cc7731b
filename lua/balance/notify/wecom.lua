-- SPDX-License-Identifier: MIT
--- The robots of WeCom. Text, not Markdown: nothing in a name or a message is
-- taken for a sign.
-- @module balance.notify.wecom

local bodies = require "balance.notify.body"
local text = require "balance.notify.text"

local _M = { name = "wecom", options = {} }

local most = 2048 -- bytes, as the service takes

local meanings = {
  [45009] = { kind = "rate_limit" },
  [93000] = { kind = "auth", hint = "the robot's address has another key" },
}

function _M.request(event)
  -- "<@name>" would call somebody; this is a character that looks like "<"
  local said = text.write(event):gsub("<", "\239\188\156")
  return bodies.of { msgtype = "text",
    text = { content = text.cut(said, most) } }
end

function _M.read(status, reply)
  return bodies.read(status, reply, "errcode", "errmsg", meanings)
end

return _M
