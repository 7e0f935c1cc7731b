-- SPDX-License-Identifier: MIT
--- The robots of WeCom. Text, not Markdown: nothing in a name or a message is
-- taken for a sign.
-- @module balance.notify.wecom

local bodies = require "balance.notify.body"
local text = require "balance.notify.text"

local _M = { name = "wecom", options = {} }

local most = 2048 -- bytes, as the service takes

local meanings = {
  [-1] = { retryable = true }, -- busy
  [45009] = { kind = "rate_limit", retry_after = 60 }, -- 20 a minute
  [93000] = { kind = "auth", hint = "no robot has this address" },
}

--- Makes the request for an event.
-- @tparam balance.AlarmEvent event
-- @treturn table `headers` and `body`
function _M.request(event)
  -- "<@name>" would call somebody; this is a character that looks like "<"
  local said = text.write(event):gsub("<", "\239\188\156")
  return bodies.of { msgtype = "text",
    text = { content = text.cut(said, most) } }
end

--- Reads a reply.
-- @tparam integer status of HTTP
-- @tparam string reply
-- @treturn ?table the fields of a failure; nil: it was taken
function _M.read(status, reply)
  return bodies.read(status, bodies.decode(reply), "errcode", "errmsg",
    meanings)
end

return _M
