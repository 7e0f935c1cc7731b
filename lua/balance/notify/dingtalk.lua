-- SPDX-License-Identifier: MIT
--- The robots of DingTalk. With a secret, the time and its signature are in the
-- address: the key is the secret, and the text is "time, line end, secret".
-- @module balance.notify.dingtalk

local bodies = require "balance.notify.body"
local core = require "balance.core"
local text = require "balance.notify.text"

local _M = { name = "dingtalk",
  options = { secret = { "string" }, keyword = { "string" } } }

local meanings = {
  [310000] = { hint = "the robot's secret, keyword or list of addresses does"
    .. " not let this pass" },
  [130101] = { kind = "rate_limit" },
  [410100] = { kind = "rate_limit" },
}

local escapes = { ["+"] = "%2B", ["/"] = "%2F", ["="] = "%3D" }

function _M.request(event, options, now)
  local request = bodies.of {
    msgtype = "text", text = { content = text.write(event, options.keyword) },
  }
  if options.secret then
    local time = ("%.0f"):format(now * 1000) -- milliseconds
    local sign = assert(core.hmac({ options.secret },
      { time, "\n", options.secret }))
    request.query = ("timestamp=%s&sign=%s"):format(time,
      (sign:gsub("[+/=]", escapes)))
  end
  return request
end

function _M.read(status, reply)
  return bodies.read(status, reply, "errcode", "errmsg", meanings)
end

return _M
