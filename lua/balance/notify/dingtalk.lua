-- SPDX-License-Identifier: MIT
--- The robots of DingTalk. With a secret, the time and its signature are in the
-- address: the key is the secret, and the text is "time, line end, secret".
-- @module balance.notify.dingtalk

local bodies = require "balance.notify.body"
local text = require "balance.notify.text"

local _M = { name = "dingtalk",
  options = { secret = { "string" }, keyword = { "string" } } }

local no_robot = { kind = "auth", hint = "no robot has this address" }

-- 20 messages a minute are taken
local too_many = { kind = "rate_limit", retry_after = 60 }

local meanings = {
  [-1] = { retryable = true }, -- busy
  [300001] = no_robot,
  [300005] = no_robot,
  [310000] = { hint = "the robot's secret, keyword or list of addresses does"
    .. " not let this pass" },
  [130101] = too_many,
  [410100] = too_many,
}

local escapes = { ["+"] = "%2B", ["/"] = "%2F", ["="] = "%3D" }

--- Makes the request for an event.
-- @tparam balance.AlarmEvent event
-- @tparam table options `secret` and `keyword`, each may be nil
-- @tparam number now Unix time
-- @treturn ?table `headers`, `body`, and with a secret `query`
-- @treturn ?table where that is nil, the fields of a failure
function _M.request(event, options, now)
  local request = bodies.of {
    msgtype = "text", text = { content = text.write(event, options.keyword) },
  }
  if options.secret then
    local time = ("%.0f"):format(now * 1000) -- milliseconds
    local sign, problem = bodies.sign({ options.secret },
      { time, "\n", options.secret })
    if not sign then
      return nil, problem
    end
    request.query = ("timestamp=%s&sign=%s"):format(time,
      (sign:gsub("[+/=]", escapes)))
  end
  return request
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
